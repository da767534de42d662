/**
 * Makes `src/scan/rules/generic/vocabulary.ts`: pieces of which names, words and prose consist, and random text does not. Counts the
 * words in the sources of public packages: `node scripts/scan-vocabulary.ts node_modules /usr/lib/python3`.
 */
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'

const most = { words: 3400, pieces: 420, files: 12_000, bytes: 200_000 }
/** What people type when they mean nothing: none of it is rare. */
const typed = [
  '123',
  '1234',
  '12345',
  '123456',
  '000',
  '0000',
  '111',
  '1111',
  'abc',
  'abcd',
  'abcdef',
  'xyz',
  'qwerty',
  'asdf',
  'foo',
  'bar',
  'baz',
  'lorem',
  'ipsum',
  'xxx',
  'xxxx',
  'yyy',
  'zzz',
]

function filesOf(folders: readonly string[]): readonly string[] {
  const all = folders.flatMap((folder) => globSync(`${folder}/**/*.{js,mjs,cjs,ts,py,md}`))
  const step = Math.max(1, Math.floor(all.length / most.files))
  return all.filter(
    (file, at) => at % step === 0 && statSync(file).isFile() && statSync(file).size < most.bytes,
  )
}

function wordsOf(text: string): Set<string> {
  const parts = text.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return new Set(parts.match(/[a-z]{3,}/g)?.filter(({ length }) => length < 14))
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

/** Those that save most: how often, times how many characters more than one. */
function best(counts: ReadonlyMap<string, number>, number: number): readonly string[] {
  const worth = ([key, count]: readonly [string, number]) => count * (key.length - 1)
  return [...counts]
    .toSorted((a, b) => worth(b) - worth(a))
    .slice(0, number)
    .map(([key]) => key)
}

const words = new Map<string, number>()
for (const file of filesOf(process.argv.slice(2)))
  for (const word of wordsOf(readFileSync(file, 'utf8'))) add(words, word, 1)
const pieces = new Map<string, number>()
for (const [word, count] of words)
  for (let at = 0; at + 3 <= word.length; at++) add(pieces, word.slice(at, at + 3), Math.log2(count + 1))
const all = [...new Set([...best(words, most.words), ...best(pieces, most.pieces), ...typed])].toSorted()
const lines = all.join(' ').match(/.{1,105}(?: |$)/g) ?? []
writeFileSync(
  'src/scan/rules/generic/vocabulary.ts',
  `/** Made by scripts/scan-vocabulary.ts. */\nexport const vocabulary = \`\n${lines.map((line) => line.trim()).join('\n')}\n\`\n`,
)
