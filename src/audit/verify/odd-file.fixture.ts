import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'

type Put = (path: string, t: TestContext) => Promise<unknown>

const lockedFile: [string, Put, RegExp] = [
  'a file of others',
  async (path) => {
    await writeFile(path, '')
    await chmod(path, 0)
  },
  /this user may not read it/,
]

/** What may stand in the place of a file and is none, or none that may be read whole; and what is said of it. */
export const oddFiles: readonly [what: string, put: Put, said: RegExp][] = [
  ['a pipe', pipeAt, /it is a pipe, not a file/],
  ['a device without end', (path) => symlink('/dev/zero', path), /it is a device, not a file/],
  ['links in a circle', (path) => symlink(path, path), /its links go round in a circle/],
  ['a folder', (path) => mkdir(path), /it is a folder, not a file/],
  ['a huge file', hugeFile, /it has 20000000000 bytes, and such a file at most \d+/],
  ['a socket', socketAt, /it is a socket, not a file/],
  // The superuser may read everything.
  ...(process.getuid?.() === 0 ? [] : [lockedFile]),
]

/** Puts it in the place of what is there. */
export async function replaceByOdd(path: string, put: Put, t: TestContext): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await put(path, t)
}

/** Takes no room: none of it was written. */
async function hugeFile(path: string): Promise<void> {
  await writeFile(path, '')
  await truncate(path, 20_000_000_000)
}

async function socketAt(path: string, t: TestContext): Promise<void> {
  const server = createServer().listen(path)
  t.after(() => server.close())
  await once(server, 'listening')
}

async function pipeAt(path: string): Promise<void> {
  execFileSync('mkfifo', [path])
}
