// Exercises the server with the generated client, and prints the lines of ../expected.txt.
import {
  BatchesApi,
  Configuration,
  DevicesApi,
  EnrolmentsApi,
  ErrorResponseFromJSON,
  EventsApi,
  KeysApi,
  ResponseError,
  UsersApi,
  type NewDevice,
  type UpdateDeviceRequest,
} from "./client";

type Settings = "SERVICE_ADDRESS" | "SERVICE_KEY" | "SERIAL_NUMBER" | "USER_EMAIL";
const { SERVICE_ADDRESS, SERVICE_KEY, SERIAL_NUMBER, USER_EMAIL } = process.env as Record<Settings, string>;
const configuration = new Configuration({ basePath: SERVICE_ADDRESS, accessToken: SERVICE_KEY });
const devices = new DevicesApi(configuration);
const users = new UsersApi(configuration);

/** Returns the status and the body of a request that must be rejected. */
async function rejection(request: Promise<unknown>) {
  const error = await request.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof ResponseError)) {
    throw error ?? new Error("the request was accepted");
  }
  return { status: error.response.status, body: ErrorResponseFromJSON(await error.response.json()) };
}

/** Validates a batch with options, sends it, and undoes it. */
async function syncAndUndo(laptop: NewDevice) {
  const rows: NewDevice[] = [
    { ...laptop, rowRef: "A-17", comment: "In the storage room" },
    { ...laptop, rowRef: "A-18", name: "LT-0414", serialNumber: `${SERIAL_NUMBER}-2` },
    { ...laptop, rowRef: "A-19", serialNumber: "none" },
  ];
  const sync = { onConflict: "update", atomic: false, newDevices: { devices: rows } } as const;

  for (const row of (await devices.validateDevices(sync)).data.plan) {
    const changes = Object.entries(row.changes ?? {});
    const details = [
      ...changes.map(([field, { from, to }]) => `${field}: ${from} -> ${to}`),
      ...(row.errors ?? []).map((error) => error.reason),
    ];
    console.log(["validate batch:", row.rowRef, row.action, ...details].join(" "));
  }

  const { batch, results } = (await devices.createDevices(sync)).data;
  for (const row of results ?? []) {
    const details = [row.device?.name, ...(row.changedFields ?? []), row.errors?.[0]?.reason];
    console.log(["sync batch:", row.rowRef, row.result, ...details.filter(Boolean)].join(" "));
  }

  const batches = new BatchesApi(configuration);
  const batchId = batch!.id!;
  const stored = (await batches.getBatch({ batchId })).data;
  console.log(
    `show batch: ${stored.onConflict}, ${stored.created} created, ${stored.updated} updated, ${stored.failed} failed`,
  );
  const undone = (await batches.undoBatch({ batchId })).data;
  console.log(`undo batch: ${undone.archived.length} archived, ${undone.notUndone.updated} not undone`);
  console.log(`follow events: ${(await eventTypes(batchId)).join(" ")}`);
}

/** Reads all events. Returns the types of those of a batch. */
async function eventTypes(batchId: number) {
  const events = new EventsApi(configuration);
  const types: string[] = [];
  let after: string | undefined;
  for (let hasMore = true; hasMore; ) {
    const page = await events.listEvents({ after });
    types.push(...page.data.filter((event) => event.batchId === batchId).map((event) => event.type));
    after = page.meta.cursor;
    hasMore = page.meta.hasMore;
  }
  return types;
}

/** Creates a key, rotates it, and revokes it. Tries to revoke the only ADMIN key. */
async function manageKeys() {
  const keys = new KeysApi(configuration);
  const newKey = { name: "nightly import", scope: "READ", expiresIn: "30d" } as const;
  const created = (await keys.createKey({ newKey })).data;
  console.log(`create key: ${created.name} ${created.scope}`);

  const rotation = { keyId: created.id, keyRotation: { overlap: "1h" } };
  const rotated = (await keys.rotateKey(rotation)).data;
  console.log(`rotate key: ${rotated.name} ${rotated.scope}`);

  const admin = (await keys.listKeys()).data.find((key) => key.scope === "ADMIN")!;
  const rejected = await rejection(keys.revokeKey({ keyId: admin.id }));
  console.log(`reject revocation: ${rejected.status} ${rejected.body.error}`);

  const revoked = (await keys.revokeKey({ keyId: rotated.id })).data;
  console.log(`revoke key: ${revoked.revokedAt && revoked.name}`);
}

async function main() {
  const user = (await users.createUser({ newUser: { email: USER_EMAIL, firstName: "Mary" } })).data;
  console.log(`create user: ${user.email}`);

  const laptop: NewDevice = {
    name: "LT-0412",
    type: "laptop",
    category: "computers",
    serialNumber: SERIAL_NUMBER,
    userId: user.id,
    keyboardLayout: "FRENCH_AZERTY",
    compliance: ["CE", "EPEAT Gold"],
    tags: "loan pool",
    attributes: { room: "B-204" },
    comment: "Bought with a docking station",
  };
  const created = (await devices.createDevices({ newDevices: { devices: [laptop] } })).data.devices![0]!;
  console.log(`create device: ${created.name} ${created.clientStatus}`);

  const orphan: NewDevice = { name: "LT-0413", type: "laptop", category: "computers", userId: 4e9 };
  const rejected = await rejection(devices.createDevices({ newDevices: { devices: [laptop, orphan] } }));
  console.log(`reject batch: ${rejected.status} ${rejected.body.error}`);
  for (const entry of rejected.body.errors ?? []) {
    console.log(`reject batch: row ${entry.index} ${entry.field} ${entry.code} ${entry.reason}`);
  }

  await syncAndUndo(laptop);

  const deviceId = created.id;
  const got = await devices.getDeviceRaw({ deviceId });
  const device = (await got.value()).data;
  const { keyboardLayout, compliance } = device.characteristics;
  const { tags, attributes } = device;
  console.log(
    `get device: ${device.user?.email} ${keyboardLayout} ${compliance.join()} ${tags.join()} ${attributes["room"]}`,
  );
  const ifMatch = got.raw.headers.get("ETag")!;

  const enrolments = new EnrolmentsApi(configuration);
  const enrolment = await enrolments.putEnrollment({
    serialNumber: SERIAL_NUMBER,
    newEnrollment: { status: "ENROLLED", lastSeenDate: "2026-01-30T16:42:07Z" },
  });
  console.log(`report enrolment: ${enrolment.data.status}`);
  const stored = (await enrolments.getEnrollment({ serialNumber: SERIAL_NUMBER })).data;
  const seen = stored.lastSeenDate?.toISOString().slice(0, 10);
  console.log(`get enrolment: ${stored.serialNumber} ${seen}`);

  const change: UpdateDeviceRequest = { deviceId, ifMatch, patchDevice: { lifecycle: "IN_MAINTENANCE" } };
  const changed = (await devices.updateDevice(change)).data;
  console.log(`patch device: ${changed.clientStatus} ${changed.mdm?.status}`);
  const cleared = (await devices.updateDevice({ deviceId, patchDevice: { comment: null } })).data;
  console.log(`clear comment: ${cleared.comment}`);
  const stale = await rejection(devices.updateDevice(change));
  console.log(`reject stale change: ${stale.status} ${stale.body.error}`);

  const found = await devices.listDevices({
    search: `LT-0412 ${SERIAL_NUMBER}`,
    clientStatus: "IN_MAINTENANCE",
  });
  console.log(`list devices: ${found.meta.total} ${found.data[0]?.serialNumber}`);

  await manageKeys();

  console.log(`delete device: ${(await devices.deleteDevice({ deviceId })).data.clientStatus}`);
  console.log(`restore device: ${(await devices.restoreDevice({ deviceId })).data.clientStatus}`);
  console.log(`delete device: ${(await devices.deleteDevice({ deviceId })).data.clientStatus}`);
  console.log(`delete user: ${(await users.deleteUser({ userId: user.id })).data.email}`);
}

void main();
