import { createCollector, toCycloneDx, toSpdx, type Collected } from '../audit/sbom/index.ts'
import { version } from '../lib/index.ts'
import { extend, publishedCheckpoint, signedEntries, trustOf } from './audit-checkpoint.ts'
import { openAuditSource, type AuditOptions } from './audit-source.ts'
import { endWithReader, exitCodes } from './output.ts'
import { visible } from './story.ts'

/** A run that just ended is published within a second. */
const waitMs = 5_000
const pollMs = 200

/**
 * Prints what a run had, by entries that a believed checkpoint signs. A run whose record has no end yet, or may have gaps, is
 * printed, too, and said to be so on standard error.
 */
export async function printSbom(
  run: string,
  options: AuditOptions & { format: 'cyclonedx' | 'spdx' },
): Promise<number> {
  endWithReader()
  const collected = await collect(run, options)
  if (collected.entries === 0) {
    process.stderr.write(
      visible(`mayfly: there is no run ${run} among the published entries: mayfly audit runs`) + '\n',
    )
    return exitCodes.refused
  }
  for (const note of notesOf(collected)) process.stderr.write(`mayfly: ${visible(note)}\n`)
  const bill = options.format === 'spdx' ? toSpdx(collected, version) : toCycloneDx(collected, version)
  process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`)
  return exitCodes.ok
}

async function collect(run: string, options: AuditOptions): Promise<Collected> {
  const source = openAuditSource(options)
  const trust = trustOf(options)
  const collector = createCollector(run)
  let seen = await publishedCheckpoint(source, trust)
  for await (const { bytes } of signedEntries(source, seen)) collector.add(bytes)
  for (const untilMs = Date.now() + waitMs; !collector.collected().finished && Date.now() < untilMs;) {
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    const next = await publishedCheckpoint(source, trust)
    await extend(source, seen, next)
    for await (const { bytes } of signedEntries(source, next, { from: seen.size })) collector.add(bytes)
    seen = next
  }
  return collector.collected()
}

function notesOf({ run, finished, lost, components }: Collected): string[] {
  return [
    ...(finished ? [] : [`run ${run} has no end yet in what is published: more may come`]),
    ...(lost ? [`entries of run ${run} may be missing: the log could not be written to`] : []),
    ...(components.length === 0 ? [`run ${run} had no packages through the gateway`] : []),
  ]
}
