import { MayflyError } from '../lib/index.ts'
import { readJsonLines, type Reading } from './text-file.ts'

/** Each takes some milliseconds to verify. */
const maxBundles = 1_000

/** One bundle in JSON, or one on each line, of which the same one counts once. Throws `bad_input`. */
export function readBundleTexts(path: string, reading: Reading = {}): readonly string[] {
  const all = new Set(readJsonLines(path, reading))
  if (all.size > maxBundles)
    throw new MayflyError(
      'bad_input',
      `${path} has ${all.size} different bundles, of which ${maxBundles} are the most: give the one that is meant`,
    )
  return [...all]
}
