// Peer of `make bench`: a plain Express handler that stores devices with node-postgres. Listens on
// a free port of 127.0.0.1 and prints it. DATABASE_URL is the database.

import express from 'express';
import pg from 'pg';

const TEXT = [
  'name', 'type', 'category', 'brand', 'serial_number', 'comment', 'added_via',
  'client_purchase_price', 'client_rental_price', 'client_purchase_date',
  'client_warranty_endDate', 'client_rental_startDate', 'client_rental_endDate',
  'client_contract_number', 'client_invoice_number', 'lifecycle', 'screen_size', 'graphic',
  'processor', 'ram', 'storage', 'model_year', 'connectivity', 'keyboard_layout', 'resolution',
  'color', 'seats_number', 'assembly', 'os_platform',
];
const BOOLEAN = [
  'is_rented', 'has_microphone', 'has_webcam', 'noise_cancellation', 'has_stool',
  'has_video_package', 'has_screen', 'has_premium_tablet',
];
const LIST = ['compliance', 'connection_type'];
const WORKSPACE = 1;

// Names of fields end in camel case, names of columns do not.
const column = (field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const FIELDS = [...TEXT, 'user_id', ...BOOLEAN, ...LIST];
const COLUMNS = [...FIELDS.map(column), 'workspace_id', 'serial_number_folded'].join(', ');
const WIDTH = FIELDS.length + 2;

// Returns what is wrong with the body, if anything.
function findError(devices) {
  if (!Array.isArray(devices) || devices.length === 0 || devices.length > 1000) {
    return 'devices must be an array of 1 to 1000 devices';
  }
  for (const device of devices) {
    for (const field of ['name', 'type', 'category']) {
      if (!device[field]) return `${field} is required`;
    }
    for (const field of TEXT) {
      if (device[field] != null && typeof device[field] !== 'string') return `${field} must be a string`;
    }
    for (const field of BOOLEAN) {
      if (device[field] != null && typeof device[field] !== 'boolean') return `${field} must be a boolean`;
    }
    for (const field of LIST) {
      if (device[field] != null && !Array.isArray(device[field])) return `${field} must be an array`;
    }
    if (device.user_id != null && !Number.isInteger(device.user_id)) return 'user_id must be an integer';
  }
  return null;
}

function insert(devices) {
  const values = [];
  const rows = devices.map((device) => {
    const first = values.length;
    values.push(...TEXT.map((field) => device[field] ?? null));
    values.push(device.user_id ?? null, ...BOOLEAN.map((field) => device[field] ?? false));
    values.push(...LIST.map((field) => device[field] ?? []));
    values.push(WORKSPACE, device.serial_number?.toLowerCase() ?? null);
    return `(${Array.from({ length: WIDTH }, (_, index) => `$${first + index + 1}`).join(', ')})`;
  });
  return { text: `INSERT INTO devices (${COLUMNS}) VALUES ${rows.join(', ')} RETURNING *`, values };
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = express();
app.use(express.json({ limit: '16mb' }));

app.post('/devices', async (request, response) => {
  const devices = request.body?.devices;
  const error = findError(devices);
  if (error) return response.status(400).json({ error });
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query(insert(devices));
    await client.query('COMMIT');
    return response.status(201).json({ devices: rows });
  } catch (failure) {
    await client.query('ROLLBACK');
    const isTaken = failure.code === '23505';
    return response.status(isTaken ? 409 : 500).json({ error: failure.message });
  } finally {
    client.release();
  }
});

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
