import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectFolder } from '../demo/stage.ts'

const dist = join(projectFolder, 'dist')

/** A file of dist/ and all that is loaded with it; what it imports by an expression is loaded later. */
function loadedWith(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen
  seen.add(name)
  const text = readFileSync(join(dist, name), 'utf8')
  for (const [, next = ''] of text.matchAll(
    /^(?:import|\} from|export .*? from|import .*? from) ?"\.\/([^"]+)";/gm,
  ))
    loadedWith(next, seen)
  return seen
}

const holding = (names: Iterable<string>, mark: RegExp) =>
  [...names].filter((name) => mark.test(readFileSync(join(dist, name), 'utf8')))

test('mayfly run starts without the schemas, the YAML parser and what only a server needs', () => {
  const run = readdirSync(dist).find((name) => /^run-[A-Z0-9]+\.js$/.test(name))
  assert.ok(run !== undefined)
  const loaded = new Set([...loadedWith('mayfly.js'), ...loadedWith(run)])
  assert.ok(loaded.size >= 4)
  for (const mark of [/\bZodObject\b/, /\bYAMLMap\b/, /node:sqlite/, /\bfastify\b/]) {
    assert.deepEqual(holding(loaded, mark), [], String(mark))
    assert.notDeepEqual(
      holding(
        readdirSync(dist).filter((name) => name.endsWith('.js')),
        mark,
      ),
      [],
      String(mark),
    )
  }
  // As an ES module it loads undici with it (scripts/build.ts).
  assert.deepEqual(holding(loaded, /from "node:http";/), [])
})

test('what is loaded late loads from the bundle, too', () => {
  const entries = /^(?:mayfly|verify|verify-node)\.js$|-thread\.js$/
  const late = readdirSync(dist).filter((name) => name.endsWith('.js') && !entries.test(name))
  const script = `for (const name of ${JSON.stringify(late)}) await import(${JSON.stringify(dist)} + '/' + name)`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})
