import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { partOf } from './labels/held.ts'
import { labelledSet, writeSet } from './labels/set.ts'
import { measureAll } from './peers.ts'
import type { Place } from './score.ts'

/**
 * `npm run bench:scan-open -- [SCANNER] [FOLDER]`: what a scanner (ours, if none is named) misses and reports wrongly in the open part,
 * by kind with places, and the files of that part in a folder to look at. Of the held part it says nothing: who tunes does not know it.
 */
const [name = 'mayfly', folder] = process.argv.slice(2)
const set = labelledSet().filter(({ part }) => part === 'open')
if (folder !== undefined) {
  mkdirSync(folder, { recursive: true })
  writeSet(join(folder), set)
}
const [measured] = await measureAll(set, [name])
if (measured === undefined) process.exit(1)
print('MISSED', measured.verdicts.missed)
print('WRONG', measured.verdicts.wrong)

function print(title: string, places: readonly Place[]): void {
  const kinds = [...Map.groupBy(places, ({ kind }) => kind)].toSorted(([, a], [, b]) => b.length - a.length)
  process.stdout.write(`${title}: ${places.length}\n`)
  for (const [kind, of] of kinds.filter(([one]) => one === 'unlabelled' || partOf(one) === 'open')) {
    process.stdout.write(`${String(of.length).padStart(4)} ${kind}\n`)
    for (const { file, line, text, rules } of of.slice(0, 5))
      process.stdout.write(
        `       ${file}:${line} ${JSON.stringify(text.slice(0, 90))} ${rules.join(', ')}\n`,
      )
  }
}
