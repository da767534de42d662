import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createWorld } from '../../attest/verify/world.fixture.ts'
import { aStep } from '../../attest/statements/facts.fixture.ts'
import { hex, signed, type Step } from './attest.fixture.ts'
import { readFound } from './bundles.ts'
import { compareBuilds, sideOf, type Side } from './compare-builds.ts'
import { compareAttestations } from './compare.ts'
import { compareFiles } from './compare-files.ts'
import { differencesOf, membersOf } from './members.ts'
import { textLines } from './outline.ts'
import { tellComparison } from './tell-comparison.ts'

async function sidesOf(...steps: Step[]): Promise<Side[]> {
  const { found } = await signed(steps)
  return found.flatMap((one) => sideOf(one) ?? [])
}

const compare = async (a: Step, b: Step) => {
  const [one, other] = await sidesOf(a, b)
  assert.ok(one !== undefined && other !== undefined)
  return compareBuilds(one, other)
}

const base: Step = { makes: { 'dist/a.tgz': hex('a'), 'dist/b.tgz': hex('b') } }
const attributes = (more: Record<string, string>) => ({
  facts: { identity: { ...aStep.identity, attributes: { ...aStep.identity.attributes, ...more } } },
})
const npm = (version: string, digit: string) => ({
  ...{ uri: `pkg:npm/left@${version}`, by: 'lockfile', digest: { sha256: hex(digit) }, connection: 'npm' },
})

test('two builds of one commit with one outcome are the same; when and why they ran does not count', async () => {
  const again = await compare(base, {
    ...base,
    id: 'stp_again',
    ...attributes({ event: 'schedule', ref: 'refs/heads/x' }),
  })
  assert.equal(again.verdict, 'same', JSON.stringify(again))
  assert.deepEqual(
    again.circumstances.map(({ name }) => name),
    ['event', 'ref'],
  )
  assert.equal(again.artifacts.same, 2)
})

test('each difference is named: commit, dependencies by purl, parameters, tier, artifacts by path', async () => {
  const other = await compare(
    { ...base, facts: { materials: [npm('1.0.0', '1'), npm('2.0.0', '2')] }, takes: { in: hex('8') } },
    {
      makes: { 'dist/a.tgz': hex('c'), 'dist/c.tgz': hex('b') },
      takes: { in: hex('9') },
      facts: {
        ...attributes({ commit: 'b'.repeat(40) }).facts,
        materials: [npm('1.0.0', '3')],
        step: { ...aStep.step, role: 'other' },
      },
      reported: { tier: 'E', script: { of: 'run', text: 'make', sha256: hex('5') } },
    },
  )
  assert.equal(other.verdict, 'different')
  assert.match(other.commit?.b ?? '', /^1296269@b{40}$/)
  assert.deepEqual(
    other.artifacts.changed.map(({ name, a, b }) => [name, a?.[0], b?.[0]]),
    [
      ['dist/a.tgz', 'a', 'c'],
      ['dist/b.tgz', 'b', undefined],
      ['dist/c.tgz', undefined, 'b'],
    ],
  )
  assert.deepEqual(
    other.dependencies.map(({ name, a, b }) => [name, a?.at(-1), b?.at(-1)]),
    [
      ['file of an earlier step: in', '8', '9'],
      ['pkg:npm/left@1.0.0', '1', '3'],
      ['pkg:npm/left@2.0.0', '2', undefined],
    ],
  )
  assert.deepEqual(
    other.parameters.map(({ name }) => name),
    ['command', 'isolation', 'role', 'tier'],
  )
  const lines = textLines(tellComparison({ trust: 'x', notes: [], comparison: other, files: [] })).join('\n')
  assert.match(
    lines,
    /artifacts: 0 the same, 3 not\n {2}dist\/a\.tgz: a{64} and c{64}\n {2}dist\/b\.tgz: only in A/,
  )
  assert.match(lines, /\ndifferent$/)
})

test('what is not verified, or says too little, is neither: it cannot be told', async () => {
  const [one] = await sidesOf(base)
  const stranger = await signed([base], await createWorld())
  const { trust } = await signed([])
  const unverified = sideOf(readFound(stranger.bundles[0], trust))
  assert.ok(one !== undefined && unverified !== undefined)
  const { verdict, gaps } = compareBuilds(one, unverified)
  assert.equal(verdict, 'unknown')
  assert.match(gaps.join(), /B is not verified/)
  const noCommit = await compare(attributesLeft(base), attributesLeft(base))
  assert.deepEqual([noCommit.verdict, noCommit.gaps], ['unknown', ['A names no commit', 'B names no commit']])
  const cut = await compare({ ...base, facts: { materialsOmitted: 3 } }, base)
  assert.deepEqual([cut.verdict, cut.gaps], ['unknown', ['A leaves 3 dependencies out']])
  const secret = { ...base, reported: { script: { of: 'run' as const, text: '***' } } }
  assert.equal((await compare(secret, secret)).verdict, 'unknown')
})

const attributesLeft = (step: Step): Step => {
  const { commit: _, ...left } = aStep.identity.attributes
  return { ...step, facts: { identity: { ...aStep.identity, attributes: left } } }
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** A tree of files, packed in several ways by tools that we did not write. */
function packed(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  mtime = 1_000_000_000,
  more: string[] = [],
) {
  const path = folder(t)
  const tree = join(path, 'tree')
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true })
    writeFileSync(join(tree, name), text)
    utimesSync(join(tree, name), mtime, mtime)
  }
  const names = Object.keys(files)
  const pack =
    'p=$1; shift; tar -C "$p/tree" -cf "$p/x.tar" "$@"; gzip -nc9 "$p/x.tar" > "$p/x.tgz"; gzip -nc1 "$p/x.tar" > "$p/y.tgz"'
  execFileSync('sh', ['-ec', pack, 'sh', path, ...more, ...names])
  const zip =
    'import sys,zipfile,os\nz=zipfile.ZipFile(sys.argv[1],"w")\n[z.write(os.path.join(sys.argv[2],n),n) for n in sys.argv[3:]]'
  if (more.length === 0) execFileSync('python3', ['-c', zip, join(path, 'x.zip'), tree, ...names])
  return { path, tree, of: (name: string) => join(path, name) }
}

const long = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`

test('archives are looked into: content, mode, time and order of members, in tar, tar.gz and zip', async (t) => {
  const files = { 'a.txt': 'one', 'b/c.txt': 'two', [long]: 'three' }
  for (const format of [[], ['--format=pax'], ['--format=ustar']]) {
    const kept = format[0] === '--format=ustar' ? { 'a.txt': 'one', 'b/c.txt': 'two' } : files
    const [one, other] = [
      packed(t, kept, undefined, format),
      packed(t, { ...kept, 'a.txt': 'ONE' }, undefined, format),
    ]
    for (const name of ['x.tar', 'x.tgz', ...(format.length === 0 ? ['x.zip'] : [])]) {
      const [a, b] = [await membersOf(one.of(name)), await membersOf(other.of(name))]
      assert.ok(a.ok && b.ok, JSON.stringify([a, b]))
      assert.deepEqual(
        a.members.map(({ path }) => path),
        Object.keys(kept),
      )
      assert.deepEqual(differencesOf(a.members, b.members), [{ path: 'a.txt', what: ['content'] }], name)
    }
    const [x, y] = [await membersOf(one.of('x.tgz')), await membersOf(one.of('y.tgz'))]
    assert.ok(x.ok && y.ok)
    assert.deepEqual(differencesOf(x.members, y.members), [])
  }
  const [early, late] = [packed(t, files), packed(t, files, 1_000_000_600)]
  chmodSync(join(late.tree, 'a.txt'), 0o755)
  execFileSync('tar', ['-C', late.tree, '-cf', late.of('x.tar'), 'b/c.txt', 'a.txt', long])
  const [a, b] = [await membersOf(early.of('x.tar')), await membersOf(late.of('x.tar'))]
  assert.ok(a.ok && b.ok)
  assert.deepEqual(differencesOf(a.members, b.members)[0], { path: 'a.txt', what: ['mode', 'time'] })
  const turned = [...a.members].toReversed()
  assert.deepEqual(differencesOf(a.members, turned)[0]?.what, ['order'])
})

test('what is no archive, is cut or lies about itself is not looked into, and ends', async (t) => {
  const { of, path } = packed(t, { a: 'x'.repeat(4_000) })
  const why = async (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(path, name), bytes)
    const members = await membersOf(join(path, name))
    return members.ok ? 'looked into' : members.why
  }
  const tar = readFileSync(of('x.tar'))
  assert.match(await why('text', 'hello'), /no archive that is looked into/)
  assert.match(await why('cut.tar', tar.subarray(0, 1_000)), /ends within a member/)
  const damaged = Buffer.from(tar)
  damaged[0] = 0x62
  assert.match(await why('damaged.tar', damaged), /no tar, or damaged/)
  assert.match(await why('cut.tgz', readFileSync(of('x.tgz')).subarray(0, 40)), /cannot be looked into/)
  assert.match(await why('cut.zip', readFileSync(of('x.zip')).subarray(0, 60)), /cannot be looked into/)
  const endless = Buffer.from(tar)
  endless.write('77777777777\0', 124)
  endless.fill(0x20, 148, 156)
  const sum = endless.subarray(0, 512).reduce((all, byte) => all + byte, 0)
  endless.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  assert.match(await why('endless.tar', endless), /ends within a member/)
})

test('files are taken only if they are the ones that were built, and no name leads out of the folder', async (t) => {
  const [a, b] = [packed(t, { m: '1' }), packed(t, { m: '2' })]
  const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  const stepOf = ({ of }: { of: (name: string) => string }): Step => ({
    makes: {
      'x.tar': digest(of('x.tar')),
      '../x.tar': digest(of('x.zip')),
      'gone.tar': digest(of('x.tgz')),
      'y.tgz': hex(digest(of('x.tar'))[0] ?? '0'),
    },
  })
  const [one, other] = await sidesOf(stepOf(a), stepOf(b))
  assert.ok(one !== undefined && other !== undefined)
  const { changed } = compareBuilds(one, other).artifacts
  const compared = await compareFiles(one, other, changed, [a.path, b.path])
  const of = (name: string) => compared.find((file) => file.name === name)
  assert.deepEqual(of('x.tar')?.members, [{ path: 'm', what: ['content'] }])
  assert.match(of('../x.tar')?.why ?? '', /leads out of the folder/)
  assert.match(of('gone.tar')?.why ?? '', /it is not in/)
})

test('what is not there cannot be compared: 2, and not the code of two that differ', async (t) => {
  const server = createServer((_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ code: 'not_found', message: 'there is no such step' }))
  }).listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = process.env['MAYFLY_TOKEN']
  process.env['MAYFLY_TOKEN'] = 'of-the-test'
  t.after(() => {
    if (token === undefined) delete process.env['MAYFLY_TOKEN']
    else process.env['MAYFLY_TOKEN'] = token
  })
  const told = t.mock.method(process.stderr, 'write', () => true)
  const options = { server: url, json: false, markdown: false }
  const [a, b] = ['stp_0123456789abcdefghjkmnpq', 'stp_1123456789abcdefghjkmnpq']
  assert.equal(await compareAttestations(a, b, options), 2)
  assert.match(told.mock.calls.map(({ arguments: [text] }) => String(text)).join(''), /answered 404/)
})
