// Gathers readings and inserts a thousand at once, or what there is after 50 ms, by a pool.
const { Pool } = require(require.resolve('pg', { paths: [process.env.BENCH_MODULES] }))

const AT_ONCE = 1000
const LINGER_MS = 50
const INSERT = `
INSERT INTO peer_reading (ts, subject, device, metric, value)
SELECT to_timestamp(at / 1000), subject, device, metric, value
FROM unnest($1::float8[], $2::int4[], $3::int4[], $4::int2[], $5::float8[])
     AS sent (at, subject, device, metric, value)
ON CONFLICT DO NOTHING`

const pool = new Pool({ connectionString: process.env.BENCH_DATABASE_URL, max: 10 })
const fresh = () => ({ at: [], subject: [], device: [], metric: [], value: [] })
let some = fresh()
let timer = null

function flush() {
  clearTimeout(timer)
  timer = null
  const { at, subject, device, metric, value } = some
  some = fresh()
  pool.query(INSERT, [at, subject, device, metric, value]).catch(error => console.error(error))
}

module.exports = function keep(payload) {
  for (const one of Array.isArray(payload) ? payload : [payload]) {
    for (const name of Object.keys(some)) some[name].push(one[name])
    if (some.at.length >= AT_ONCE) flush()
  }
  if (some.at.length && !timer) timer = setTimeout(flush, LINGER_MS)
}
