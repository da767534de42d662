import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'

let stage: Stage
before(async () => {
  stage = await setStage()
})
after(() => stage[Symbol.asyncDispose]())

const run = (args: readonly string[]): Promise<Ran> => stage.runJob(['run', ...args], stage.jobEnvironment())
const inStep = (script: string, ...options: string[]) =>
  run(['--role', 'build', ...options, '--', 'bash', '-c', script])
const inWorkspace = (path: string) => join(stage.workspace, path)
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const clean = () => {
  for (const name of ['dist', 'out']) rmSync(inWorkspace(name), { recursive: true, force: true })
}

interface Results {
  readonly steps: readonly {
    readonly exitCode: number
    readonly stepId: string
    readonly artifacts?: { readonly files: readonly { readonly path: string; readonly sha256: string }[] }
    readonly attested?: { readonly artifacts: number; readonly digest: string; readonly written?: string }
  }[]
}

test('what a command makes is attested: written beside it, found by digest, verified by the pinned root', async () => {
  clean()
  const ran = await inStep(
    'mkdir dist; echo one > dist/a.txt; echo two > dist/b.txt',
    ...['--artifact', 'dist/*.txt', '--attestations', 'out', '--json'],
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const [step] = (JSON.parse(ran.stdout) as Results).steps
  assert.deepEqual([step?.attested?.artifacts, step?.attested?.written], [2, 'out'])
  assert.deepEqual(readdirSync(inWorkspace('out')).toSorted(), [
    ...['SHA256SUMS', 'SHA256SUMS.sigstore.json', 'a.txt.sigstore.json', 'b.txt.sigstore.json'],
    'provenance.intoto.jsonl',
  ])
  assert.equal(
    readFileSync(inWorkspace('out/SHA256SUMS'), 'utf8'),
    `${sha256('one\n')}  dist/a.txt\n${sha256('two\n')}  dist/b.txt\n`,
  )
  for (const what of [`sha256:${sha256('one\n')}`, inWorkspace('dist/a.txt'), step?.stepId ?? '']) {
    const shown = await stage.operate(['attest', 'show', what])
    assert.equal(shown.exitCode, 0, shown.stdout + shown.stderr)
    assert.match(shown.stdout, /^trust: pinned/)
    assert.match(shown.stdout, /verified: signed .* by http/)
    assert.match(shown.stdout, /step "run" \(stp_\w+\) in role build, tier [BC]/)
    assert.match(shown.stdout, /commit [0-9a-f]{40} of octo-org\/links/)
  }
  const fetched = inWorkspace('../fetched')
  assert.equal((await stage.operate(['attest', 'fetch', step?.stepId ?? '', '-o', fetched])).exitCode, 0)
  for (const name of readdirSync(inWorkspace('out')))
    if (name.startsWith('SHA256SUMS') || name.endsWith('.jsonl'))
      assert.equal(
        readFileSync(join(fetched, name), 'utf8'),
        readFileSync(inWorkspace(`out/${name}`), 'utf8'),
        name,
      )
})

test('two builds of one commit are compared by what was signed of them, and the member that differs is named', async () => {
  const build = async (folder: string, text: string) => {
    clean()
    const script = `mkdir dist; echo same > dist/same; echo ${text} > dist/x; tar --sort=name --mtime=@0 -C dist -cf dist/app.tar same x`
    const ran = await inStep(script, ...['--artifact', 'dist/app.tar', '--attestations', 'out', '--json'])
    assert.equal(ran.exitCode, 0, ran.stderr)
    mkdirSync(inWorkspace(`../${folder}/dist`), { recursive: true })
    writeFileSync(inWorkspace(`../${folder}/dist/app.tar`), readFileSync(inWorkspace('dist/app.tar')))
    return (JSON.parse(ran.stdout) as Results).steps[0]?.stepId ?? ''
  }
  const [one, again, other] = [await build('one', 'a'), await build('again', 'a'), await build('other', 'b')]
  const same = await stage.operate(['attest', 'compare', one, again])
  assert.equal(same.exitCode, 0, same.stdout + same.stderr)
  const files = ['--files', inWorkspace('../one'), inWorkspace('../other')]
  const differs = await stage.operate(['attest', 'compare', one, other, ...files])
  assert.equal(differs.exitCode, 1, differs.stdout + differs.stderr)
  assert.match(differs.stdout, /in dist\/app\.tar \(tar\): 1 members differ\n +x: content/)
})

test('a step that writes what looks like its attestations has failed, and nothing of its own is replaced', async () => {
  clean()
  const ran = await inStep(
    'mkdir dist out; echo x > dist/a.txt; echo mine > out/a.txt.sigstore.json; ln -s /etc out/SHA256SUMS',
    ...['--artifact', 'dist/a.txt', '--attestations', 'out'],
  )
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stderr, /the step wrote "a\.txt\.sigstore\.json" in out, where its attestations go/)
  assert.equal(readFileSync(inWorkspace('out/a.txt.sigstore.json'), 'utf8'), 'mine\n')
  assert.equal(readdirSync(inWorkspace('out')).length, 2)
  const again = await inStep('true', '--artifact', 'dist/a.txt', '--attestations', 'out')
  assert.equal(again.exitCode, 2)
  assert.match(again.stderr, /out has attestations already/)
})

test('an artifact that is not there, or that leads out, fails the step; the rest is attested all the same', async () => {
  clean()
  const ran = await inStep(
    'mkdir dist; ln -s /etc/hostname dist/link',
    '--artifact',
    'dist/*',
    '--artifact',
    'gone',
  )
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stderr, /not attested: "dist\/link" is no plain file/)
  assert.match(ran.stderr, /"gone" is not there/)
})

test('the steps of a pipeline: each its own folder, and the tree goes from what was released back to what was built', async () => {
  clean()
  const pipeline = inWorkspace('../attest.yaml')
  writeFileSync(
    pipeline,
    `steps:
  - name: build
    role: build
    run: mkdir -p dist && echo built > dist/part
    artifacts: [dist/part]
    attestations: out/build
  - name: pack
    role: build
    run: cat dist/part dist/part > dist/whole
    artifacts: [dist/whole]
    workspace: fresh
    attestations: out/pack
`,
  )
  const ran = await run(['-f', pipeline])
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.deepEqual(readdirSync(inWorkspace('out')).toSorted(), ['build', 'pack'])
  assert.ok(readdirSync(inWorkspace('out/pack')).includes('whole.sigstore.json'))
  const shown = await stage.operate(['attest', 'show', `sha256:${sha256('built\nbuilt\n')}`, '--json'])
  assert.equal(shown.exitCode, 0, shown.stdout)
  const [tree] = (
    JSON.parse(shown.stdout) as { artifacts: { builds: { inputs: { digest: string; state: string }[] }[] }[] }
  ).artifacts
  const [input] = tree?.builds[0]?.inputs ?? []
  assert.deepEqual([input?.digest, input?.state], [`sha256:${sha256('built\n')}`, 'known'])
})
