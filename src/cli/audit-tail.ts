import type { LogSource } from '../audit/verify/index.ts'
import type { PeopleReader } from '../audit/people/index.ts'
import { entryOf, revealed } from './audit-show.ts'
import {
  extend,
  publishedCheckpoint,
  signedEntries,
  type SignedCheckpoint,
  trustOf,
} from './audit-checkpoint.ts'
import { openPeopleOf, type PeopleOptions } from './audit-people.ts'
import { openAuditSource } from './audit-source.ts'
import { endWithReader, exitCodes, toJson } from './output.ts'
import { tellEntry } from './story.ts'

const pollMs = 1_000

/**
 * The last entries, and with `--follow` every new one, until ctrl-c. Each checkpoint is verified, and that it extends the
 * one before: a log that is rolled back or rewritten meanwhile ends the command with an error.
 */
export async function tailAudit(
  options: PeopleOptions & { lines: number; follow: boolean },
): Promise<number> {
  endWithReader()
  const source = openAuditSource(options)
  const trust = trustOf(options)
  let seen = await publishedCheckpoint(source, trust)
  const people = openPeopleOf(options)
  await tell(source, Math.max(0, seen.size - options.lines), seen, people, options.json)
  while (options.follow) {
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    const next = await publishedCheckpoint(source, trust)
    await extend(source, seen, next)
    await tell(source, seen.size, next, people, options.json)
    seen = next
  }
  return exitCodes.ok
}

async function tell(
  source: LogSource,
  from: number,
  checkpoint: SignedCheckpoint,
  people: PeopleReader | undefined,
  json: boolean,
): Promise<void> {
  for await (const { index, bytes } of signedEntries(source, checkpoint, { from })) {
    const entry = await revealed(entryOf(index, bytes), people)
    process.stdout.write(json ? `${toJson(entry)}\n` : `${tellEntry(entry, 'many').join('\n')}\n`)
  }
}
