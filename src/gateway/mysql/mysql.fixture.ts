import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { promisify } from 'node:util'
import type { TestContext } from 'node:test'
import type { GrantEntry } from '../../config/index.ts'
import { openDoor } from '../door.fixture.ts'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import type { GatewayDeps } from '../index.ts'
import { flag } from './handshake.ts'
import { Reader, cString, packetOf, readPacket, u16, u32 } from './wire.ts'

const run = promisify(execFile)

/** A gateway in front of the server, and what a client on this machine says by it. */
export async function shopWorld(
  t: TestContext,
  server: { readonly port: number },
  grants: readonly GrantEntry[],
  approvers?: GatewayDeps['approvers'],
  more: { readonly ca?: string; readonly tls?: 'off' } = {},
) {
  const world = await openWorld(t, approvers === undefined ? {} : { approvers })
  const orders = {
    ...{ kind: 'mysql', url: 'mysql://db.test', dial: `127.0.0.1:${server.port}` },
    ...{ credential: { basic: 'secret:orders' } },
    ...more,
  }
  const rules = compileRules({ orders }, grants)
  world.setTargets(rules.targets, rules.policy)
  const port = await openDoor(t, world, 'db.test:3306')
  const tool = async (name: string, args: readonly string[], input = '') => {
    const asked = run(
      name,
      ['--no-defaults', '-h', '127.0.0.1', '-P', String(port), '-u', 'whoever', ...args],
      {
        timeout: 30_000,
        maxBuffer: 50_000_000,
      },
    )
    asked.child.stdin?.end(input)
    return asked.then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout.trim(), err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout.trim(),
        err: stderr,
      }),
    )
  }
  const sql = (text: string, database = 'shop', ...more: string[]) =>
    tool('mariadb', ['--skip-ssl', '-N', '-B', ...more, '-e', text, ...(database === '' ? [] : [database])])
  return { world, sql, tool, port }
}

/** A client that says what no driver does. Rejects with what it is refused by at the log-in. */
export async function rawClient(port: number, moreFlags = 0) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  const read = async () => (await readPacket(socket, 0xffffff))?.body ?? Buffer.of(0xff)
  await read()
  const flags = flag.protocol41 | flag.secureConnection | flag.pluginAuth | flag.connectWithDb | moreFlags
  socket.write(
    packetOf(
      1,
      ...[u32(flags), u32(0x1000000), Buffer.of(45), Buffer.alloc(23), cString('x'), Buffer.of(0)],
      ...[cString('shop'), cString('mysql_native_password')],
    ),
  )
  const first = await read()
  if (first[0] === 0xff) throw new Error(first.toString())
  const answer = async () => {
    const body = await read()
    if (body[0] === 0) return 'OK'
    if (body[0] === 0xff) return body.subarray(9).toString()
    for (let left = (body[0] ?? 0) + 1; left > 0; left--) await read()
    const rows: string[] = []
    for (let row = await read(); row[0] !== 0xfe && row[0] !== 0xff; row = await read()) {
      const reader = new Reader(row)
      rows.push(reader.take(reader.length()).toString())
    }
    return rows.join()
  }
  const send = (number: number, ...parts: readonly Buffer[]) =>
    void socket.write(packetOf(0, Buffer.of(number), ...parts))
  const command = (number: number, ...parts: readonly Buffer[]) => {
    send(number, ...parts)
    return answer()
  }
  return {
    ...{ answer, command, ended, send },
    query: (sql: string) => command(3, Buffer.from(sql)),
    async prepare(sql: string) {
      send(22, Buffer.from(sql))
      const body = await read()
      if (body[0] === 0xff) throw new Error(body.toString())
      const [columns, parameters] = [body.readUInt16LE(5), body.readUInt16LE(7)]
      const ends = Number(columns > 0) + Number(parameters > 0)
      for (let left = columns + parameters + ends; left > 0; left--) await read()
    },
    execute: (statement: number, values: Buffer = Buffer.alloc(0)) =>
      command(23, u32(statement), Buffer.of(0), u32(1), values),
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}

/** A server that says what no server of Debian does: it greets, and `serve` has each packet after that. */
export async function fakeServer(
  t: TestContext,
  plugin: string,
  serve: (socket: Socket, body: Buffer, sequence: number) => void,
) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(packetOf(0, greeting(plugin)))
    void (async () => {
      for (
        let next = await readPacket(socket, 0xffffff);
        next !== undefined;
        next = await readPacket(socket, 0xffffff)
      )
        serve(socket, next.body, next.sequence)
    })().catch(() => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port }
}

function greeting(plugin: string): Buffer {
  const capabilities = 0x81ffffff & ~flag.tls
  return Buffer.concat([
    ...[
      Buffer.of(10),
      cString('8.0.0'),
      u32(7),
      Buffer.from('abcdefgh'),
      Buffer.of(0),
      u16(capabilities & 0xffff),
    ],
    ...[Buffer.of(45), u16(2), u16(capabilities >>> 16), Buffer.of(21), Buffer.alloc(10)],
    ...[cString('ijklmnopqrst'), cString(plugin)],
  ])
}
