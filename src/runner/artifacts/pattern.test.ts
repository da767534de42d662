import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { artifactPattern } from './pattern.ts'

const matches = (pattern: string, path: string) => artifactPattern(pattern).matches(path.split('/'))

test('patterns: one name, over folders, a folder as a whole; no dot in front unless it is written', () => {
  const yes: [string, string][] = [
    ['dist/app.tgz', 'dist/app.tgz'],
    ['./dist//app.tgz', 'dist/app.tgz'],
    ['*.tgz', 'a.tgz'],
    ['dist', 'dist/a/b'],
    ['dist/', 'dist/a'],
    ['dist/*', 'dist/a/b'],
    ['**/*.xml', 'report.xml'],
    ['**/*.xml', 'a/b/report.xml'],
    ['a/**/z', 'a/z'],
    ['a/**/z', 'a/b/c/z'],
    ['?.txt', 'a.txt'],
    ['.cache/*', '.cache/a'],
    ['.*', '.npmrc'],
    ['a*b*c', 'aXbbXcbc'],
  ]
  const no: [string, string][] = [
    ['*.tgz', 'a/b.tgz'],
    ['*.tgz', '.tgz'],
    ['*', '.npmrc'],
    ['**', '.github/workflows/ci.yml'],
    ['**', 'a/.npmrc'],
    ['dist', 'dist/.npmrc'],
    ['dist', 'distant'],
    ['?.txt', 'ab.txt'],
    ['a/**/z', 'a/b'],
    ['a*b*c', 'aXbbXcb'],
  ]
  for (const [pattern, path] of yes) assert.ok(matches(pattern, path), `${pattern} ${path}`)
  for (const [pattern, path] of no) assert.ok(!matches(pattern, path), `${pattern} ${path}`)
})

/** The same by a regular expression, as slow as they come. */
function byExpression(pattern: string, path: string): boolean {
  const dots = (text: string) => text.replace(/[.]/g, '\\.')
  const name = (part: string) =>
    (part.startsWith('.') ? '' : '(?!\\.)') + dots(part).replace(/[*]+/g, '[^/]*').replaceAll('?', '[^/]')
  const any = '(?:(?!\\.)[^/]*/)*'
  const parts = [...pattern.split('/').filter((part) => part !== '' && part !== '.'), '**']
  const text = parts.map((part) => (part === '**' ? any : `${name(part)}/`)).join('')
  return new RegExp(`^${text}$`).test(`${path}/`)
}

test('patterns match what a regular expression says, and a folder that may hold a match is gone into', () => {
  const part = fc
    .string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 })
    .filter((s) => !/^\.+$/.test(s))
  const piece = fc.oneof(
    fc.constant('**'),
    fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), minLength: 1, maxLength: 4 })
      .filter((s) => !/^\.+$|\*\*/.test(s)),
  )
  const path = fc.array(part, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), path, (pattern, parts) => {
      const compiled = artifactPattern(pattern.join('/'))
      assert.equal(compiled.matches(parts), byExpression(pattern.join('/'), parts.join('/')))
      if (compiled.matches(parts))
        for (let i = 1; i < parts.length; i++) assert.ok(compiled.mayHold(parts.slice(0, i)))
    }),
    { numRuns: 3_000 },
  )
})

test('a name that was made to be slow is as fast as any', { timeout: 20_000 }, () => {
  const name = 'a'.repeat(255)
  const path = Array.from({ length: 32 }, () => name).join('/')
  for (let i = 0; i < 50; i++) {
    assert.ok(!matches('*a*a*a*a*a*a*a*b', name))
    assert.ok(!matches('**/**/**/*a*a*/**/**/*a*a*a*b', path))
  }
})
