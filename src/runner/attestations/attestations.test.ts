import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { attestationFiles, attestationNames, refuseEarlier, takenName, writeAttestations } from './index.ts'

const bundle = JSON.stringify({ dsseEnvelope: { payload: 'e30=', signatures: [] } }, undefined, 2)
const handed = { provenance: bundle, sbom: '{"sbom":1}', sums: { text: 'ab  a\n', bundle: '{"sums":1}' } }
const artifact = (path: string, digit = 'a') => ({ path, sha256: digit.repeat(64) })
const names = (...paths: string[]) =>
  attestationFiles(
    { provenance: bundle },
    paths.map((path, i) => artifact(path, String(i))),
  ).map(({ name }) => name)

test('each artifact has its bundle beside the others, up to a hundred; more share one', () => {
  const files = attestationFiles(handed, [artifact('dist/app.tgz'), artifact('dist/app.zip', 'b')])
  assert.deepEqual(
    files.map(({ name, text }) => [name, text.split('\n').length]),
    [
      ['app.tgz.sigstore.json', 7],
      ['app.zip.sigstore.json', 7],
      ['provenance.intoto.jsonl', 2],
      ['sbom.sigstore.json', 2],
      ['SHA256SUMS', 2],
      ['SHA256SUMS.sigstore.json', 2],
    ],
  )
  assert.deepEqual(JSON.parse(files[2]?.text ?? ''), { payload: 'e30=', signatures: [] })
  const many = Array.from({ length: 101 }, (_, i) => artifact(`f${i}`))
  assert.equal(attestationFiles(handed, many.slice(1)).length, 104)
  assert.deepEqual(attestationNames(many)[0], 'provenance.sigstore.json')
  assert.deepEqual(attestationFiles({}, many), [])
})

test('no artifact chooses the name of another’s file, of ours, or one that a terminal obeys', () => {
  const digest = (digit: string) => `sha256-${digit.repeat(64)}.sigstore.json`
  assert.deepEqual(names('a/App', 'b/app', 'c', 'provenance', 'SBOM', 'x/SHA256SUMS'), [
    ...[digest('0'), digest('1'), 'c.sigstore.json', digest('3'), digest('4'), digest('5')],
    'provenance.intoto.jsonl',
  ])
  for (const odd of [
    'new\nline',
    '\u202egnp.exe',
    '\x1b[31m',
    '.hidden',
    '-rf',
    'ﬀ',
    'a'.repeat(201),
    'a\\b',
    '',
  ])
    assert.deepEqual(names(`dist/${odd}`)[0], digest('0'), JSON.stringify(odd))
  // One content under two odd names has one bundle.
  const twins = [artifact('a/x'), artifact('b/x')]
  assert.equal(attestationFiles({ provenance: bundle }, twins).length, 2)
})

test('all or none: a file that the step wrote under one of the names is neither replaced nor followed', async (t) => {
  const root = temporaryFolder(t)
  const place = { root, names: ['out', 'sub'], shown: 'out/sub' }
  const folder = join(root, 'out/sub')
  const files = attestationFiles(handed, [artifact('app.tgz')])
  const outside = join(temporaryFolder(t), 'target')
  mkdirSync(folder, { recursive: true })
  for (const name of ['app.tgz.sigstore.json', 'SHA256SUMS', 'SHA256SUMS.sigstore.json']) {
    symlinkSync(outside, join(folder, name))
    assert.equal(await takenName(place, attestationNames([artifact('app.tgz')])), name)
    assert.match((await writeAttestations(place, files)) ?? '', /is there already, and not replaced/)
    assert.deepEqual([readdirSync(folder), existsSync(outside)], [[name], false])
    await assert.rejects(refuseEarlier(place), {
      code: 'bad_input',
      message: /out\/sub has attestations already/,
    })
    rmSync(join(folder, name))
  }
  assert.equal(await takenName(place, attestationNames([artifact('app.tgz')])), undefined)
  await refuseEarlier(place)
  assert.equal(await writeAttestations(place, files), undefined)
  assert.equal(readFileSync(join(folder, 'SHA256SUMS'), 'utf8'), 'ab  a\n')
  assert.equal(readdirSync(folder).length, files.length)
})

test('no link on the way is followed, whatever the step left there; a folder that is not there is made', async (t) => {
  const [root, outside] = [temporaryFolder(t), temporaryFolder(t)]
  symlinkSync(outside, join(root, 'link'))
  writeFileSync(join(root, 'file'), '')
  const files = attestationFiles(handed, [])
  for (const first of ['link', 'file']) {
    const place = { root, names: [first, 'x'], shown: `${first}/x` }
    assert.match((await writeAttestations(place, files)) ?? '', /a link or a file is in the way/)
    assert.equal(await writeAttestations({ ...place, names: [first] }, files).then(Boolean), true)
  }
  assert.deepEqual(readdirSync(outside), [])
  assert.equal(await writeAttestations({ root, names: ['a', 'b'], shown: 'a/b' }, files), undefined)
  assert.ok(readdirSync(join(root, 'a/b')).includes('provenance.sigstore.json'))
  await refuseEarlier({ root, names: ['not-there'], shown: 'not-there' })
  mkdirSync(join(root, 'closed'))
  chmodSync(join(root, 'closed'), 0o555)
  if (process.getuid?.() === 0) return
  const closed = { root, names: ['closed'], shown: 'closed' }
  assert.match((await writeAttestations(closed, files)) ?? '', /can be written to|EACCES/)
})
