import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Content, Unseen } from '../unpack/index.ts'
import { createBatchReader, type Batch, type Part } from './index.ts'

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-scan-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const gitEnvironment = {
  PATH: process.env['PATH'],
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
}

export function runGit(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
    cwd: folder,
    env: gitEnvironment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()
}

export interface Seen {
  /** Each content by its name, as text. */
  readonly texts: Readonly<Record<string, string>>
  readonly parts: readonly Part[]
  readonly unseen: readonly Unseen[]
}

/** All that a source has. */
export async function readAll(
  source: (unseen: (one: Unseen) => void) => AsyncIterable<Batch>,
): Promise<Seen> {
  const seen = { texts: {} as Record<string, string>, parts: [] as Part[], unseen: [] as Unseen[] }
  const unseen = (one: Unseen) => void seen.unseen.push(one)
  const visit = (content: Content, part: Part) => {
    const name = content.name || (part.blob ?? '')
    seen.texts[name] = (seen.texts[name] ?? '') + content.bytes.toString('utf8', content.from, content.to)
  }
  const read = createBatchReader({ overlap: 64, unseen, visit })
  for await (const batch of source(unseen)) {
    seen.parts.push(...batch.parts)
    // As between threads; structuredClone takes no shared memory.
    await read({ ...batch, parts: structuredClone(batch.parts) })
  }
  return seen
}

const said = /^(?:commit|tag) [0-9a-f]+ \(/

/** What blobs have, without what commits and tags say. */
export function blobsOf({ texts, parts, unseen }: Seen): Seen {
  return {
    texts: Object.fromEntries(Object.entries(texts).filter(([name]) => !said.test(name))),
    parts: parts.filter(({ name }) => !said.test(name)),
    unseen,
  }
}
