import { MayflyError } from '../lib/index.ts'
import { readJsonText, type Reading } from './text-file.ts'

/** Each takes some milliseconds to verify. */
const maxBundles = 1_000

/** One bundle in JSON, or one on each line, of which the same one counts once. Throws `bad_input`. */
export function readBundleTexts(path: string, reading: Reading = {}): readonly string[] {
  const text = readJsonText(path, reading)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isLines = lines.length > 1 && lines.every((line) => /^\{.*\}\s*$/.test(line))
  const all = new Set(isLines ? lines : [text])
  if (all.size > maxBundles)
    throw new MayflyError(
      'bad_input',
      `${path} has ${all.size} different bundles, of which ${maxBundles} are the most: give the one that is meant`,
    )
  return [...all]
}
