// ClickHouse as qryn wants it, https://clickhouse.com/docs/interfaces/http, over chdb: ClickHouse as a library.
//   node clickhouse.mjs CHDB_ROOT DATA_DIR
// Prints its port on loopback.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

const [root = '', dataDir = ''] = process.argv.slice(2)
const { Session } = createRequire(join(root, 'package.json'))('chdb')
const session = new Session(dataDir)
session.query('SET output_format_json_quote_64bit_integers = 1')
let current = 'default'

const server = createServer((request, response) => {
  void answer(request).then(
    (text) => response.end(text),
    (error) => response.writeHead(500).end(`${error.message}\n`),
  )
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

async function answer(request) {
  const body = await buffer(request)
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const sql = [searchParams.get('query') ?? '', plain.toString()].filter(Boolean).join('\n')
  if (pathname === '/ping' || sql === '') return 'Ok.\n'
  use(searchParams.get('database') || current, sql)
  const format =
    searchParams.get('default_format') ?? request.headers['x-clickhouse-format'] ?? 'TabSeparated'
  return session.query(sql.trim().replace(/;$/, ''), format) ?? ''
}

function use(database, sql) {
  if (database === current || /^\s*create\s+database/i.test(sql)) return
  session.query(`USE \`${database}\``)
  current = database
}
