import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'

// Runs test files, those of one folder of src/ in one process: what they import is loaded once, not once for each file, which
// was two fifths of all processor time. Each file is a suite, so its hooks stay its own. The others start programs, and are
// processes of their own.

const root = join(import.meta.dirname, '..')
const { positionals } = parseArgs({ allowPositionals: true })
const patterns =
  positionals.length > 0 ? positionals : ['src/**/*.test.ts', 'demo/**/*.test.ts', 'test/**/*.test.ts']
const files = [...new Set(globSync(patterns, { cwd: root }))].toSorted()
if (files.length === 0) throw new Error(`no test file is named ${patterns.join(' ')}`)

/** How many files one process takes at most: two processes run at once, and the last one should not be a long one. */
const together = 10

/** Node's runner starts a process for a file: the file of a group imports its members, and lies where Git does not look. */
const entries = join(root, 'node_modules/.cache/tests', String(process.pid))
mkdirSync(entries, { recursive: true })
process.on('exit', () => {
  rmSync(entries, { recursive: true, force: true })
})

const writeEntry = (folder: string, number: number, members: string[]): string => {
  const entry = join(entries, `${folder.replaceAll('/', '-')}-${String(number)}.mjs`)
  const suites = members.map((file) => {
    const imported = `import(${JSON.stringify(join(root, file))})`
    return `describe(${JSON.stringify(file)}, async () => { await ${imported} })`
  })
  writeFileSync(entry, `import { describe } from 'node:test'\n${suites.join('\n')}\n`)
  return entry
}

const isOfRoom = (file: string): boolean => file.startsWith('src/')
const folders = Map.groupBy(files.filter(isOfRoom), (file) => dirname(file))
const groups = [...folders].flatMap(([folder, members]) =>
  Array.from({ length: Math.ceil(members.length / together) }, (_, number) =>
    writeEntry(folder, number, members.slice(number * together, (number + 1) * together)),
  ),
)

const events = run({
  files: [...groups, ...files.filter((file) => !isOfRoom(file)).map((file) => join(root, file))],
  concurrency: 2,
  timeout: 180_000,
  cwd: root,
})
events.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1
})
events.compose(spec()).pipe(process.stdout)
