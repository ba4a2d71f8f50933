// Exercises the server with the generated client, and prints the lines of ../expected.txt.
import {
  Configuration,
  DevicesApi,
  EnrolmentsApi,
  ErrorResponseFromJSON,
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
  const created = (await devices.createDevices({ newDevices: { devices: [laptop] } })).data.devices[0]!;
  console.log(`create device: ${created.name} ${created.clientStatus}`);

  const orphan: NewDevice = { name: "LT-0413", type: "laptop", category: "computers", userId: 4e9 };
  const rejected = await rejection(devices.createDevices({ newDevices: { devices: [laptop, orphan] } }));
  console.log(`reject batch: ${rejected.status} ${rejected.body.error}`);
  for (const entry of rejected.body.errors ?? []) {
    console.log(`reject batch: row ${entry.index} ${entry.field} ${entry.code} ${entry.reason}`);
  }

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

  console.log(`delete device: ${(await devices.deleteDevice({ deviceId })).data.clientStatus}`);
  console.log(`restore device: ${(await devices.restoreDevice({ deviceId })).data.clientStatus}`);
  console.log(`delete device: ${(await devices.deleteDevice({ deviceId })).data.clientStatus}`);
  console.log(`delete user: ${(await users.deleteUser({ userId: user.id })).data.email}`);
}

void main();
