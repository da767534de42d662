import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import mysql from 'mysql2'
import { coded, connectionAt, field, heldOf, requestFor, toolsWith } from '../issuer.fixture.ts'
import { mysqlRole } from './index.ts'

/** mysql2’s own server’s side; its types know nothing of it. */
interface ServerSide {
  sequenceId: number
  on(event: string, heard: (sql: string) => void): void
  serverHandshake(hello: object): void
  writeOk(): void
  writeTextResult(rows: readonly object[], columns: readonly object[]): void
}

/** Answers as the MySQL 8.4 manual says; MySQL itself is in no package of Debian. */
async function startMysql(t: TestContext, rows: (sql: string) => Record<string, string>[] | undefined) {
  const seen: string[] = []
  const server = mysql.createServer((connection) => {
    const side = connection as unknown as ServerSide
    const answer = (sql: string) => {
      seen.push(sql)
      side.sequenceId = 1
      const found = sql.startsWith('SELECT VERSION') ? [{ version: '8.4.6' }] : rows(sql)
      if (found === undefined) side.writeOk()
      else side.writeTextResult(found, Object.keys(found[0] ?? { none: '' }).map(columnNamed))
      side.sequenceId = 0
    }
    side.on('error', () => undefined)
    // It takes SET for a statement that is prepared.
    side.on('query', answer)
    side.on('stmt_prepare', answer)
    side.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.4.6',
      connectionId: 7,
      statusFlags: 2,
      characterSet: 45,
      // All but TLS and compression.
      capabilityFlags: 0xff_f7_df,
      authCallback(_: unknown, done: (error: null, refused: null) => void) {
        done(null, null)
        side.sequenceId = 0
      },
    })
  }) as unknown as { _server: Server }
  const listener = server['_server']
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
  t.after(() => listener.close())
  return { seen, port: (listener.address() as AddressInfo).port }
}

const columnNamed = (name: string) => ({
  ...{ catalog: 'def', schema: '', table: '', orgTable: '', name, orgName: name },
  ...{ characterSet: 45, columnLength: 400, columnType: 253, flags: 0, decimals: 0 },
})

const generated = 'x'.repeat(40)

test('of MySQL the server is asked for a password, so that no statement has one; who cannot see connections is refused', async (t) => {
  let sees = true
  let open = ['11', '12']
  const { seen, port } = await startMysql(t, (sql) => {
    if (sql.includes('RANDOM PASSWORD'))
      return [{ user: 'u', host: '%', 'generated password': generated, auth_factor: '1' }]
    if (sql.includes("'PROCESS'")) return sees ? [{ one: '1' }] : []
    if (!sql.includes('processlist')) return undefined
    const rows = open.map((id) => ({ id }))
    open = []
    return rows
  })
  const tools = toolsWith({ admin: 'admin:secret' })
  const asked = requestFor<'mysql-role'>(connectionAt(port), {
    admin: 'secret:admin',
    grants: [{ privileges: ['SELECT', 'INSERT'], on: 'my_app.*' }],
    roles: ['reader', 'writer'],
    host: '%',
    connections: 3,
  })
  const plan = mysqlRole.plan(asked)
  const made = await mysqlRole.mint(asked, plan, tools)
  assert.equal(field(made, 'password'), generated)
  const account = `'${field(made, 'username')}'@'%'`
  assert.deepEqual(seen.splice(0).slice(3), [
    'SET SESSION generated_random_password_length = 40',
    `CREATE USER ${account} IDENTIFIED BY RANDOM PASSWORD WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE INTERVAL 1 DAY ACCOUNT LOCK`,
    `GRANT SELECT, INSERT ON \`my\\_app\`.* TO ${account}`,
    `GRANT \`reader\` TO ${account}`,
    `GRANT \`writer\` TO ${account}`,
    `SET DEFAULT ROLE \`reader\`, \`writer\` TO ${account}`,
    `ALTER USER ${account} ACCOUNT UNLOCK`,
  ])
  const held = heldOf(asked, plan, made)
  assert.equal(await mysqlRole.revoke(held, tools), 'revoked')
  const told = seen.splice(0).slice(3)
  assert.deepEqual(
    told.filter((sql) => !sql.startsWith('SELECT')),
    [`ALTER USER ${account} ACCOUNT LOCK`, 'KILL 11', 'KILL 12', `DROP USER ${account}`],
  )
  sees = false
  await assert.rejects(mysqlRole.revoke(held, tools), coded('credential_failed', /GRANT PROCESS ON \*\.\*/))
  assert.ok(!seen.some((sql) => sql.startsWith('DROP USER')))
})

test('a server that asks for the whole password without TLS, to be encrypted by a key of its own, has none of it', async (t) => {
  const salt = Buffer.from('a'.repeat(20))
  const packet = (sequence: number, ...parts: readonly (Buffer | string)[]) => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
    return Buffer.concat([Buffer.of(body.length, 0, 0, sequence), body])
  }
  const heard: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    // Handshake V10 without TLS: what it may, and its salt in two parts.
    const may = [Buffer.of(0xff, 0xf7, 45, 2, 0, 0xff, 0x81, 21), Buffer.alloc(10)]
    const first = Buffer.concat([Buffer.of(10), Buffer.from('8.4.6\0'), Buffer.alloc(4), salt.subarray(0, 8)])
    socket.write(packet(0, first, '\0', ...may, salt.subarray(8), '\0caching_sha2_password\0'))
    const answers = [
      packet(2, Buffer.of(0xfe), 'caching_sha2_password\0', salt, '\0'),
      packet(4, Buffer.of(1, 4)),
    ]
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes)
      const next = answers.shift()
      if (next !== undefined) socket.write(next)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const asked = requestFor<'mysql-role'>(connectionAt((server.address() as AddressInfo).port), {
    ...{ admin: 'secret:admin', grants: [], roles: [], host: '%', connections: 3 },
  })
  const minting = mysqlRole.mint(asked, mysqlRole.plan(asked), toolsWith({ admin: 'admin:secret' }))
  await assert.rejects(minting, coded('credential_failed', /goes to nobody without TLS/))
  // Its name, and what proves the password without showing it: no request for a key.
  assert.equal(heard.length, 2)
})
