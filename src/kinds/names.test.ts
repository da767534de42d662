import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern, isVisible, type SampledForm } from '../lib/index.ts'
import { kinds } from './index.ts'

const every: readonly (readonly [string, SampledForm, string])[] = [
  ['git path', kinds.git.path.form, 'a.git/~'],
  ['git ref', kinds.git.ref.form, 'refs/.lock@{'],
  ['go module', kinds.go.path.form, 'a0.-/A~'],
  ['go version', kinds.go.ref.form, 'v01.-+a'],
  ['cargo crate', kinds.cargo.path.form, 'a0_-A'],
  ['cargo version', kinds.cargo.ref.form, '01.-+a'],
  ['debian package', kinds.debian.path.form, 'a0+-.A'],
  ['debian version', kinds.debian.ref.form, '01:.+~-a'],
  ['github path', kinds.github.path.form, 'a./~'],
  ['gitlab path', kinds.gitlab.path.form, 'a./~'],
  ['maven artifact', kinds.maven.path.form, 'a.:_'],
  ['maven version', kinds.maven.ref.form, '1.-a'],
  ['http path', kinds.http.path.form, 'a./%2:'],
  ['npm path', kinds.npm.path.form, '@a./-'],
  ['npm version', kinds.npm.ref.form, '01.-+a'],
  ['pypi path', kinds.pypi.path.form, 'a0-_'],
  ['pypi version', kinds.pypi.ref.form, '01.!+rcab'],
  ['rubygems gem', kinds.rubygems.path.form, 'a0-_.A'],
  ['rubygems version', kinds.rubygems.ref.form, '01.rc'],
  ['oci path', kinds.oci.path.form, 'a0._-/A'],
  ['oci tag', kinds.oci.ref.form, 'v1._-:@'],
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
  const ours = refs.map((rest) => `refs/heads/${rest}`).filter((ref) => kinds.git.ref.form.is(ref))
  assert.ok(ours.length > 20)
  for (const ref of ours) assert.equal(spawnSync('git', ['check-ref-format', ref]).status, 0, ref)
})

// The other way round: what git takes and can be seen is one for us, so that it can be granted.
test('a ref that is one for git is one for us, if it can be seen', { skip: noGit() }, () => {
  const unit = fc.constantFrom(
    ...'ab.-/@#(),=\'"!%$&;<>|{}+_',
    'ä',
    'a\u0308',
    '中',
    '\u{1f41b}',
    '@{',
    '..',
    'lock',
    '\u202e',
    '\u00a0',
    ' ',
  )
  const rests = fc.sample(fc.string({ unit, minLength: 1, maxLength: 9 }), { numRuns: 400, seed: 11 })
  const refs = [...new Set(['@scope/pkg@1.4.0', "it's", '"a"', 'a,b=c(d)', '#1', ...rests])].map(
    (rest) => `refs/tags/${rest}`,
  )
  // One shell for all: a process of git for each of them is slow enough.
  const { stdout } = spawnSync(
    'bash',
    ['-c', 'while IFS= read -r ref; do git check-ref-format "$ref" && printf "%s\\n" "$ref"; done; true'],
    { input: `${refs.join('\n')}\n`, encoding: 'utf8' },
  )
  const taken = stdout.split('\n').filter((ref) => ref !== '')
  assert.ok(taken.length > 100, String(taken.length))
  for (const ref of taken) assert.equal(kinds.git.ref.form.is(ref), isVisible(ref), JSON.stringify(ref))
  assert.ok(taken.some((ref) => !isVisible(ref)))
})

function noGit(): string | false {
  return spawnSync('git', ['--version']).status === 0 ? false : 'git is not here'
}

const mended: readonly (readonly [SampledForm, string, string | undefined])[] = [
  [kinds.git.path.form, 'o/r.git', 'o/r'],
  [kinds.git.path.form, '/o/r', 'o/r'],
  [kinds.git.path.form, 'o//r/', 'o/r'],
  [kinds.git.path.form, './o/./r', 'o/r'],
  [kinds.git.path.form, 'o%2Fr', 'o/r'],
  [kinds.git.path.form, 'o/../r', undefined],
  [kinds.git.ref.form, 'main', 'refs/heads/main'],
  [kinds.git.ref.form, 'refs/main', 'refs/heads/main'],
  [kinds.git.ref.form, 'heads/main', 'refs/heads/main'],
  [kinds.git.ref.form, 'tags/v*', 'refs/tags/v*'],
  [kinds.git.ref.form, 'refs/heads/main/', 'refs/heads/main'],
  [kinds.git.ref.form, 'refs/tag/v1', 'refs/tags/v1'],
  [kinds.git.ref.form, 'refs/heads/', undefined],
  [kinds.git.ref.form, 'refs/heads/a..b', undefined],
  [kinds.git.ref.form, 'refs/heads/x.lock', undefined],
  [kinds.npm.path.form, '@octo//app', '@octo/app'],
  [kinds.go.path.form, 'https://example.com/lib', 'example.com/lib'],
  [kinds.go.path.form, 'github.com/!octo/lib', 'github.com/Octo/lib'],
  [kinds.go.path.form, 'fmt', undefined],
  [kinds.go.ref.form, '1.2.3', 'v1.2.3'],
  [kinds.go.ref.form, 'master', undefined],
  [kinds.debian.path.form, 'Curl:amd64', 'curl'],
  [kinds.cargo.path.form, 'Inflector', 'inflector'],
  [kinds.cargo.path.form, 'a/b', undefined],
  [kinds.oci.path.form, 'Octo/App', 'octo/app'],
  [kinds.oci.path.form, '/octo/app/', 'octo/app'],
  [kinds.oci.path.form, 'octo/app:v1', undefined],
  [kinds.oci.ref.form, ':v1', 'v1'],
  [kinds.oci.ref.form, `sha256:${'AB'.repeat(32)}`, `sha256:${'ab'.repeat(32)}`],
  [kinds.oci.ref.form, 'sha256:abc', undefined],
]
for (const [form, written, expected] of mended) {
  test(`"${written}" is meant as ${expected ?? 'nothing that we know'}`, () => {
    assert.equal(form.meant(written), expected)
  })
}
