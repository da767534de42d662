import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { bare, doors, rooms } from './rooms.ts'

/** A file of `src/` (path from there) and what it imports, as it is written. */
export interface Imports {
  readonly file: string
  readonly specifiers: readonly string[]
}

/** Every file of a room; tests and their fixtures may look anywhere. */
export function readImports(source: string): Imports[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(?:test|fixture)\.ts$/.test(file))
    .map((file) => ({ file, specifiers: specifiersOf(readFileSync(join(source, file), 'utf8')) }))
}

// `import ... from 'x'`, `export ... from 'x'`, `import 'x'`, `import(x)`, `typeof import('x')`. What is imported by an
// expression is named as it is written, and so is in no room.
const specifier =
  /\bfrom\s*(?<quote>['"])(?<from>[^'"\n]+)\k<quote>|\bimport\s*(?:['"](?<bare>[^'"\n]+)['"]|\((?<called>[^)]+)\))/g

export function specifiersOf(text: string): string[] {
  return [...text.matchAll(specifier)].map(({ groups }) => {
    const called = groups?.['called']
    return groups?.['from'] ?? groups?.['bare'] ?? literalOf(called ?? '')
  })
}

function literalOf(expression: string): string {
  return /^\s*(?<quote>['"])(?<name>.+)\k<quote>\s*$/.exec(expression)?.groups?.['name'] ?? `(${expression})`
}

/** What breaks the table, one line each. */
export function findViolations(files: readonly Imports[], table = rooms): string[] {
  return files.flatMap(({ file, specifiers }) =>
    specifiers.flatMap((name) => {
      const problem = name.startsWith('.') ? wrongRoom(file, name, table) : wrongPackage(file, name)
      return problem === undefined ? [] : [`${file} imports ${name}: ${problem}`]
    }),
  )
}

function wrongRoom(file: string, name: string, table: typeof rooms): string | undefined {
  const target = normalize(join(dirname(file), name))
  const [from, to] = [roomOf(file), roomOf(target)]
  if (from === undefined) return 'its folder has no line in the table of rooms'
  if (to === undefined) return 'no room is there'
  if (from === to) return undefined
  if (table[from]?.includes(to) !== true) return `${from} may not see ${to}`
  if (target !== `${to}/index.ts` && doors[target] === undefined)
    return 'a room is entered through its index.ts'
  return undefined
}

function wrongPackage(file: string, name: string): string | undefined {
  if (!/^[@\w][\w@./:-]*$/.test(name)) return 'say by a literal what is imported'
  const rule = bare[roomOf(file) ?? '']
  if (rule === undefined || (rule.in.includes(file) && rule.node.includes(name))) return undefined
  return `${roomOf(file)} imports nothing of others`
}

/** The room with the longest name that the file lies in. */
export function roomOf(file: string): string | undefined {
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder))
    if (rooms[folder] !== undefined) return folder
  return undefined
}

/** Files that import each other in a circle, each circle as one line. */
export function findCircles(files: readonly Imports[]): string[] {
  const targets = new Map(
    files.map(({ file, specifiers }) => [
      file,
      specifiers.filter((name) => name.startsWith('.')).map((name) => normalize(join(dirname(file), name))),
    ]),
  )
  const circles: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const visit = (file: string): void => {
    state.set(file, 'open')
    path.push(file)
    for (const target of targets.get(file) ?? []) {
      if (state.get(target) === 'open')
        circles.push([...path.slice(path.indexOf(target)), target].join(' -> '))
      else if (state.get(target) === undefined) visit(target)
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const { file } of files) if (state.get(file) === undefined) visit(file)
  return circles
}
