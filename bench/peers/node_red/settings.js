module.exports = {
  uiHost: '127.0.0.1',
  uiPort: Number(process.env.BENCH_PORT),
  httpAdminRoot: false,
  flowFile: 'flows.json',
  credentialSecret: false,
  functionGlobalContext: { keep: require('./keep.js') },
  logging: { console: { level: 'warn', metrics: false, audit: false } },
}
