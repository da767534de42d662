import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { readPublication } from '../../../src/gateway/cargo/publish-body.ts'
import { indexPath } from '../../../src/gateway/cargo/route.ts'
import { extendPolicy, findProgram, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly files: Map<string, string | Buffer>
  readonly seen: {
    readonly method: string
    readonly url: string
    readonly authorization: string | undefined
  }[]
}

/** The index of crates.io by its own name: cargo asks for it there, with nothing configured. */
const host = 'index.crates.io'

/** A sparse index and its crates as files behind TLS; `build` downloads what Cargo.lock has, `add` may take new ones up and publish. */
async function open(): Promise<World> {
  const files: World['files'] = new Map()
  const seen: World['seen'] = []
  files.set('/config.json', JSON.stringify({ dl: `https://${host}/files`, api: `https://${host}` }))
  for (const version of ['1.0.0', '1.1.0']) put(files, version)
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    const { method = '', url = '', headers } = request
    seen.push({ method, url, authorization: headers.authorization })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = method === 'PUT' ? take(files, Buffer.concat(chunks)) : files.get(url)
      if (body === undefined) response.writeHead(404).end('not found')
      else response.writeHead(200).end(body)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy(text) {
      const credential = { header: { name: 'Authorization', secret: 'secret:crates' } }
      const crates = { kind: 'cargo', url: `https://${host}`, dial, ca, credential }
      const more = { connections: { crates }, grants: { build: ['cargo:download crates'] } }
      const document = parseDocument(extendPolicy(text, more))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      const grants = ['cargo:resolve crates', 'cargo:publish crates/octo-app@0.1.*']
      document.setIn(['roles', 'add'], { ...build, grants })
      const demanding = { grant: 'cargo:publish crates/octo-app@0.1.*', provenance: { role: 'build' } }
      document.setIn(['roles', 'proven'], { ...build, grants: ['cargo:download crates', demanding] })
      return document.toString()
    },
  })
  await stage.operate(['secret', 'set', 'crates'], 'token-of-crates')
  return {
    ...{ stage, files, seen },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** A .crate of `words` that says something, with its line in the index. */
function put(files: World['files'], version: string, text = 'hello'): void {
  const folder = mkdtempSync(join(tmpdir(), 'crate-'))
  const root = join(folder, `words-${version}`)
  mkdirSync(join(root, 'src'), { recursive: true })
  writeFileSync(
    join(root, 'Cargo.toml'),
    `[package]\nname = "words"\nversion = "${version}"\nedition = "2021"\n`,
  )
  writeFileSync(join(root, 'src/lib.rs'), `pub fn say() -> &'static str { "${text}" }\n`)
  execFileSync('tar', ['-czf', join(folder, 'crate'), '-C', folder, `words-${version}`])
  const crate = readFileSync(join(folder, 'crate'))
  rmSync(folder, { recursive: true })
  const cksum = createHash('sha256').update(crate).digest('hex')
  const line = JSON.stringify({ name: 'words', vers: version, deps: [], cksum, features: {}, yanked: false })
  const index = indexPath('words')
  files.set(index, `${String(files.get(index) ?? '')}${line}\n`)
  files.set(`/files/words/${version}/download`, crate)
}

/** What a registry does with what is published. */
function take(files: World['files'], body: Buffer): string {
  const publication = readPublication(body)
  if (typeof publication === 'string') return JSON.stringify({ errors: [{ detail: publication }] })
  const { name, version, crate } = publication
  const cksum = createHash('sha256').update(crate).digest('hex')
  files.set(
    indexPath(name),
    `${JSON.stringify({ name, vers: version, deps: [], cksum, features: {}, yanked: false })}\n`,
  )
  return '{"warnings":null}'
}

/** Where cargo really is: what is on the PATH may be rustup, which looks for it in somebody's home. */
function toolchain(): string {
  return execFileSync(findProgram('rustc') ?? 'rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim()
}

let jobs = 0
function inStep(
  { stage }: World,
  role: string,
  script: string,
  options: readonly string[] = [],
): Promise<Ran> {
  const root = toolchain()
  const tools = root.startsWith('/usr') ? [] : ['--tools', root]
  const env = stage.jobEnvironment({ run_id: `79000${jobs++}` })
  return stage.runJob(['run', '--role', role, ...options, ...tools, '--', 'bash', '-c', script], {
    ...env,
    PATH: `${join(root, 'bin')}:${dirname(findProgram('tar') ?? '/usr/bin/tar')}:${env['PATH']}`,
  })
}

/** A crate that depends on `words`, with the Cargo.lock that cargo would write. */
function writeCrate({ stage, files }: World, locked: string, asked = '1'): void {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(stage.workspace, name), text)
  mkdirSync(join(stage.workspace, 'src'))
  write('src/lib.rs', "pub fn say() -> &'static str { words::say() }\n")
  write(
    'Cargo.toml',
    `[package]\nname = "octo-app"\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\ndescription = "x"\n\n[dependencies]\nwords = "${asked}"\n`,
  )
  const crate = files.get(`/files/words/${locked}/download`) ?? ''
  const checksum = createHash('sha256').update(crate).digest('hex')
  const source = 'registry+https://github.com/rust-lang/crates.io-index'
  write(
    'Cargo.lock',
    `version = 3\n\n[[package]]\nname = "octo-app"\nversion = "0.1.0"\ndependencies = [\n "words",\n]\n\n[[package]]\nname = "words"\nversion = "${locked}"\nsource = "${source}"\nchecksum = "${checksum}"\n`,
  )
}

export default suite<World>({
  name: 'cargo',
  slow: true,
  needs: ['cargo', 'rustc', 'tar'],
  open,
  rows: [
    {
      name: 'cargo check --locked: what Cargo.lock has',
      needs: [],
      async run(world) {
        writeCrate(world, '1.0.0')
        const ran = await inStep(world, 'build', 'cargo check --locked')
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.match(ran.stderr, /Downloaded words v1\.0\.0[^]*Checking octo-app/)
      },
    },
    {
      name: 'cargo fetch: a tampered crate',
      needs: [],
      async run(world) {
        writeCrate(world, '1.0.0')
        const path = '/files/words/1.0.0/download'
        const good = world.files.get(path) ?? ''
        world.files.set(path, Buffer.concat([Buffer.from(good as Buffer), Buffer.of(0)]))
        const ran = await inStep(world, 'build', 'CARGO_NET_RETRY=0 cargo fetch --locked')
        world.files.set(path, good)
        assert.notEqual(ran.exitCode, 0)
        assert.doesNotMatch(ran.stderr, /failed to verify the checksum/, 'cargo saw it whole')
        assert.match(ran.stderr, /words@1\.0\.0 is not what the lockfile pins/)
      },
    },
    {
      name: 'cargo update: another version, which Cargo.lock does not have',
      needs: [],
      async run(world) {
        writeCrate(world, '1.0.0')
        const before = world.seen.length
        const ran = await inStep(world, 'build', 'cargo update && CARGO_NET_RETRY=0 cargo fetch')
        assert.notEqual(ran.exitCode, 0)
        assert.match(ran.stderr, /got 403[^]*mayfly: refused.*Cargo\.lock does not have words 1\.1\.0/)
        assert.doesNotMatch(JSON.stringify(world.seen.slice(before)), /1\.1\.0/)
      },
    },
    {
      name: 'cargo publish: a role that may not',
      needs: [],
      async run(world) {
        writeCrate(world, '1.0.0')
        const before = world.seen.length
        const ran = await inStep(world, 'build', 'cargo publish --allow-dirty --no-verify')
        assert.notEqual(ran.exitCode, 0)
        assert.match(ran.stderr, /"cargo:publish crates\/octo-app@VERSION"/)
        assert.ok(world.seen.slice(before).every(({ method }) => method === 'GET'))
      },
    },
    {
      name: 'cargo publish under a demand',
      slow: true,
      needs: [],
      async run(world) {
        writeCrate(world, '1.0.0')
        const before = world.seen.length
        const command = 'publish --allow-dirty --no-verify'
        const publish = () => inStep(world, 'proven', `cargo ${command}`)
        const refused = await publish()
        assert.notEqual(refused.exitCode, 0)
        assert.match(
          refused.stderr.replaceAll(/^mayfly: .*$/gm, ''),
          /asks for `provenance`: provenance: there is none about sha256:[0-9a-f]{64}/,
        )
        assert.ok(world.seen.slice(before).every(({ method }) => method === 'GET'))
        const built = await inStep(world, 'build', 'cargo package --allow-dirty --no-verify', [
          ...['--artifact', 'target/package/*.crate'],
        ])
        assert.equal(built.exitCode, 0, built.stderr)
        // Cargo packs it once more, and to the same bytes.
        const published = await publish()
        assert.equal(published.exitCode, 0, published.stderr)
        assert.equal(world.seen.slice(before).filter(({ method }) => method === 'PUT').length, 1)
        world.files.delete(indexPath('octo-app'))
      },
    },
    {
      name: 'cargo add and cargo publish: a role that may',
      needs: ['cc'],
      async run(world) {
        writeCrate(world, '1.0.0', '=1.0.0')
        const before = world.seen.length
        const ran = await inStep(
          world,
          'add',
          'rm Cargo.lock && cargo add words@1.1 && cargo check && cargo publish --allow-dirty --no-verify 2>&1',
        )
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
        assert.match(ran.stdout, /Published octo-app v0\.1\.0/)
        const published = world.seen.slice(before).filter(({ method }) => method === 'PUT')
        assert.deepEqual(published, [
          { method: 'PUT', url: '/api/v1/crates/new', authorization: 'token-of-crates' },
        ])
      },
    },
  ],
})
