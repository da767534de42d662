import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern, type SampledForm } from '../lib/index.ts'
import { namesOf } from './names.ts'

const every: readonly (readonly [string, SampledForm, string])[] = [
  ['git path', namesOf.git.path, 'a.git/~'],
  ['git ref', namesOf.git.ref, 'refs/.lock@{'],
  ['npm path', namesOf.npm.path, '@a./-'],
]

for (const [what, form, alphabet] of every) {
  const letters = fc.constantFrom(...alphabet)
  const prefix = what === 'git ref' ? fc.constantFrom('refs/', 'refs/heads/', 'refs') : fc.constant('')
  const text = fc.tuple(prefix, fc.string({ unit: letters, maxLength: 8 })).map((parts) => parts.join(''))
  const pattern = fc
    .tuple(prefix, fc.string({ unit: fc.constantFrom(...alphabet, '*'), maxLength: 8 }))
    .map((parts) => parts.join(''))

  test(`${what}: what is found for a pattern is a name, and matches it`, () => {
    fc.assert(
      fc.property(pattern, (source) => {
        const found = form.witness(source)
        return found === undefined || (form.is(found) && compilePattern(source).matches(found))
      }),
      { numRuns: 2_000 },
    )
  })

  test(`${what}: a name is found for every pattern that some name matches`, () => {
    fc.assert(
      fc.property(text, fc.array(fc.tuple(fc.nat(12), fc.nat(4)), { maxLength: 3 }), (name, holes) => {
        if (!form.is(name)) return true
        // Any part of a name may stand as a star in a pattern that matches it.
        let source = name
        for (const [at, length] of holes) {
          // A rule on refs begins with `refs/`, or with a star.
          const first = what === 'git ref' && at > 0 ? 'refs/'.length : 0
          const from = Math.min(first + at, source.length)
          source = `${source.slice(0, from)}*${source.slice(from + length)}`
        }
        return form.witness(source) !== undefined
      }),
      { numRuns: 5_000 },
    )
  })

  test(`${what}: what is meant is a pattern that works`, () => {
    fc.assert(
      fc.property(pattern, (source) => {
        const meant = form.meant(source)
        return meant === undefined || form.witness(meant) !== undefined
      }),
      { numRuns: 2_000 },
    )
  })
}

test('a ref that is one for us is one for git', { skip: noGit() }, () => {
  const refs = fc.sample(
    fc.string({ unit: fc.constantFrom(...'ab./@{~^:?*[\\ -#"', 'ä', 'lock', '..'), maxLength: 9 }),
    { numRuns: 400, seed: 7 },
  )
  const ours = refs.map((rest) => `refs/heads/${rest}`).filter((ref) => namesOf.git.ref.is(ref))
  assert.ok(ours.length > 20)
  for (const ref of ours) assert.equal(spawnSync('git', ['check-ref-format', ref]).status, 0, ref)
})

function noGit(): string | false {
  return spawnSync('git', ['--version']).status === 0 ? false : 'git is not here'
}

const mended: readonly (readonly [SampledForm, string, string | undefined])[] = [
  [namesOf.git.path, 'o/r.git', 'o/r'],
  [namesOf.git.path, '/o/r', 'o/r'],
  [namesOf.git.path, 'o//r/', 'o/r'],
  [namesOf.git.path, './o/./r', 'o/r'],
  [namesOf.git.path, 'o%2Fr', 'o/r'],
  [namesOf.git.path, 'o/../r', undefined],
  [namesOf.git.ref, 'main', 'refs/heads/main'],
  [namesOf.git.ref, 'refs/main', 'refs/heads/main'],
  [namesOf.git.ref, 'heads/main', 'refs/heads/main'],
  [namesOf.git.ref, 'tags/v*', 'refs/tags/v*'],
  [namesOf.git.ref, 'refs/heads/main/', 'refs/heads/main'],
  [namesOf.git.ref, 'refs/tag/v1', 'refs/tags/v1'],
  [namesOf.git.ref, 'refs/heads/', undefined],
  [namesOf.git.ref, 'refs/heads/a..b', undefined],
  [namesOf.git.ref, 'refs/heads/x.lock', undefined],
  [namesOf.npm.path, '@octo//app', '@octo/app'],
]
for (const [form, written, expected] of mended) {
  test(`"${written}" is meant as ${expected ?? 'nothing that we know'}`, () => {
    assert.equal(form.meant(written), expected)
  })
}
