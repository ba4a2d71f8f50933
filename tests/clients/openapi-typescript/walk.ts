// Exercises the server with openapi-fetch, and prints the lines of ../expected.txt.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Settings = "SERVICE_ADDRESS" | "SERVICE_KEY" | "SERIAL_NUMBER" | "USER_EMAIL";
const { SERVICE_ADDRESS, SERVICE_KEY, SERIAL_NUMBER, USER_EMAIL } = process.env as Record<Settings, string>;
const client = createClient<paths>({
  baseUrl: SERVICE_ADDRESS,
  headers: { Authorization: `Bearer ${SERVICE_KEY}` },
});

/** Returns the body of a successful response. */
function body<T>(result: { data?: T; error?: unknown; response: Response }): T {
  if (result.data === undefined) {
    throw new Error(`${result.response.status} ${JSON.stringify(result.error)}`);
  }
  return result.data;
}

/** Validates a batch with options, sends it, and undoes it. */
async function syncAndUndo(laptop: components["schemas"]["NewDevice"]) {
  const devices = [
    { ...laptop, row_ref: "A-17", comment: "In the storage room" },
    { ...laptop, row_ref: "A-18", name: "LT-0414", serial_number: `${SERIAL_NUMBER}-2` },
    { ...laptop, row_ref: "A-19", serial_number: "none" },
  ];
  const sync = { params: { query: { on_conflict: "update", atomic: false } }, body: { devices } } as const;

  for (const row of body(await client.POST("/devices/validate", sync)).data.plan) {
    const changes = Object.entries(row.changes ?? {});
    const details = [
      ...changes.map(([field, { from, to }]) => `${field}: ${from} -> ${to}`),
      ...(row.errors ?? []).map((error) => error.reason),
    ];
    console.log(["validate batch:", row.row_ref, row.action, ...details].join(" "));
  }

  const { batch, results } = body(await client.POST("/devices", sync)).data;
  for (const row of results ?? []) {
    const details = [row.device?.name, ...(row.changed_fields ?? []), row.errors?.[0]?.reason];
    console.log(["sync batch:", row.row_ref, row.result, ...details.filter(Boolean)].join(" "));
  }

  const path = { batch_id: batch!.id! };
  const stored = body(await client.GET("/batches/{batch_id}", { params: { path } })).data;
  console.log(
    `show batch: ${stored.on_conflict}, ${stored.created} created, ${stored.updated} updated, ${stored.failed} failed`,
  );
  const undone = body(await client.POST("/batches/{batch_id}/undo", { params: { path } })).data;
  console.log(`undo batch: ${undone.archived.length} archived, ${undone.not_undone.updated} not undone`);
  console.log(`follow events: ${(await eventTypes(path.batch_id)).join(" ")}`);
}

/** Reads all events. Returns the types of those of a batch. */
async function eventTypes(batchId: number) {
  const types: string[] = [];
  let after: string | undefined;
  for (let hasMore = true; hasMore; ) {
    const page = body(await client.GET("/events", { params: { query: { after } } }));
    types.push(...page.data.filter((event) => event.batch_id === batchId).map((event) => event.type));
    after = page.meta.cursor;
    hasMore = page.meta.has_more;
  }
  return types;
}

/** Creates a key, rotates it, and revokes it. Tries to revoke the only ADMIN key. */
async function manageKeys() {
  const newKey = { name: "nightly import", scope: "READ", expires_in: "30d" } as const;
  const created = body(await client.POST("/keys", { body: newKey })).data;
  console.log(`create key: ${created.name} ${created.scope}`);

  const rotation = { params: { path: { key_id: created.id } }, body: { overlap: "1h" } };
  const rotated = body(await client.POST("/keys/{key_id}/rotate", rotation)).data;
  console.log(`rotate key: ${rotated.name} ${rotated.scope}`);

  const keys = body(await client.GET("/keys")).data;
  const admin = keys.find((key) => key.scope === "ADMIN")!;
  const rejected = await client.DELETE("/keys/{key_id}", { params: { path: { key_id: admin.id } } });
  console.log(`reject revocation: ${rejected.response.status} ${rejected.error?.error}`);

  const path = { key_id: rotated.id };
  const revoked = body(await client.DELETE("/keys/{key_id}", { params: { path } })).data;
  console.log(`revoke key: ${revoked.revoked_at && revoked.name}`);
}

async function main() {
  const user = body(await client.POST("/users", { body: { email: USER_EMAIL, first_name: "Mary" } })).data;
  console.log(`create user: ${user.email}`);

  const laptop = { name: "LT-0412", type: "laptop", category: "computers", serial_number: SERIAL_NUMBER };
  const created = body(
    await client.POST("/devices", {
      body: {
        devices: [
          {
            ...laptop,
            user_id: user.id,
            keyboard_layout: "FRENCH_AZERTY",
            compliance: ["CE", "EPEAT Gold"],
            tags: "loan pool",
            attributes: { room: "B-204" },
            comment: "Bought with a docking station",
          },
        ],
      },
    }),
  ).data.devices![0]!;
  console.log(`create device: ${created.name} ${created.client_status}`);

  const rejected = await client.POST("/devices", {
    body: { devices: [laptop, { name: "LT-0413", type: "laptop", category: "computers", user_id: 4e9 }] },
  });
  console.log(`reject batch: ${rejected.response.status} ${rejected.error?.error}`);
  for (const entry of rejected.error?.errors ?? []) {
    console.log(`reject batch: row ${entry.index} ${entry.field} ${entry.code} ${entry.reason}`);
  }

  await syncAndUndo(laptop);

  const path = { device_id: created.id };
  const got = await client.GET("/devices/{device_id}", { params: { path } });
  const device = body(got).data;
  const { keyboard_layout, compliance } = device.characteristics;
  const { tags, attributes } = device;
  console.log(
    `get device: ${device.user?.email} ${keyboard_layout} ${compliance.join()} ${tags.join()} ${attributes["room"]}`,
  );
  const etag = got.response.headers.get("ETag")!;

  const enrolment = body(
    await client.PUT("/mdm/enrollments/{serial_number}", {
      params: { path: { serial_number: SERIAL_NUMBER } },
      body: { status: "ENROLLED", last_seen_date: "2026-01-30T16:42:07Z" },
    }),
  ).data;
  console.log(`report enrolment: ${enrolment.status}`);
  const stored = body(
    await client.GET("/mdm/enrollments/{serial_number}", {
      params: { path: { serial_number: SERIAL_NUMBER } },
    }),
  ).data;
  console.log(`get enrolment: ${stored.serial_number} ${stored.last_seen_date?.slice(0, 10)}`);

  const params = { path, header: { "If-Match": etag } };
  const change = { params, body: { lifecycle: "IN_MAINTENANCE" } } as const;
  const changed = body(await client.PATCH("/devices/{device_id}", change)).data;
  console.log(`patch device: ${changed.client_status} ${changed.mdm?.status}`);
  const cleared = body(
    await client.PATCH("/devices/{device_id}", { params: { path }, body: { comment: null } }),
  ).data;
  console.log(`clear comment: ${cleared.comment}`);
  const stale = await client.PATCH("/devices/{device_id}", change);
  console.log(`reject stale change: ${stale.response.status} ${stale.error?.error}`);

  const query = { search: `LT-0412 ${SERIAL_NUMBER}`, client_status: "IN_MAINTENANCE" } as const;
  const found = body(await client.GET("/devices", { params: { query } }));
  console.log(`list devices: ${found.meta.total} ${found.data[0]?.serial_number}`);

  await manageKeys();

  const deleted = body(await client.DELETE("/devices/{device_id}", { params: { path } })).data;
  console.log(`delete device: ${deleted.client_status}`);
  const restored = body(await client.POST("/devices/{device_id}/restore", { params: { path } })).data;
  console.log(`restore device: ${restored.client_status}`);
  const again = body(await client.DELETE("/devices/{device_id}", { params: { path } })).data;
  console.log(`delete device: ${again.client_status}`);
  const former = body(
    await client.DELETE("/users/{user_id}", { params: { path: { user_id: user.id } } }),
  ).data;
  console.log(`delete user: ${former.email}`);
}

void main();
