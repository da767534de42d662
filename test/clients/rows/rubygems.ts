import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { readGem } from '../../../src/gateway/rubygems/gem-file.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** What the registry has, by path. */
  readonly files: Map<string, string | Buffer>
  readonly seen: {
    readonly method: string
    readonly url: string
    readonly authorization: string | undefined
  }[]
}

const host = 'gems.example.com'
const digest = (algorithm: string, bytes: string | Buffer) =>
  createHash(algorithm).update(bytes).digest('hex')

/** A compact index and its gems behind TLS; `build` installs what Gemfile.lock has, `add` takes new ones up and pushes. */
async function open(): Promise<World> {
  const files: World['files'] = new Map()
  const seen: World['seen'] = []
  for (const name of ['octo-words', 'octo-other']) put(files, name, buildGem(name, '1.0.0'))
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    const { method = '', url = '', headers } = request
    seen.push({ method, url, authorization: headers.authorization })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (method === 'POST') {
        const gem = readGem(Buffer.concat(chunks))
        response.end(
          typeof gem === 'string' ? gem : `Successfully registered gem: ${gem.gem} (${gem.written})`,
        )
        return
      }
      const file = files.get(url)
      response.writeHead(
        file === undefined ? 404 : 200,
        file === undefined ? {} : { etag: `"${digest('md5', file)}"` },
      )
      response.end(method === 'HEAD' ? undefined : file)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy(text) {
      const credential = { header: { name: 'Authorization', secret: 'secret:gems' } }
      const gems = { kind: 'rubygems', url: `https://${host}`, dial, ca, credential }
      const more = { connections: { gems }, grants: { build: ['rubygems:install gems'] } }
      const document = parseDocument(extendPolicy(text, more))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      const grants = ['rubygems:resolve gems', 'rubygems:publish gems/octo-app@0.1.*']
      document.setIn(['roles', 'add'], { ...build, grants })
      return document.toString()
    },
  })
  await stage.operate(['secret', 'set', 'gems'], 'rubygems_token')
  return {
    ...{ stage, files, seen },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** By `gem build`, with one file that says its name. */
function buildGem(name: string, version: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-gem-'))
  writeFileSync(join(folder, `${name}.rb`), `puts "hello from ${name}"\n`)
  writeFileSync(
    join(folder, 'x.gemspec'),
    `Gem::Specification.new { |s| s.name = "${name}"; s.version = "${version}"; s.summary = "x"; s.authors = ["Octo"]; s.files = ["${name}.rb"]; s.require_paths = ["."] }\n`,
  )
  execFileSync('gem', ['build', 'x.gemspec', '-o', 'out.gem'], { cwd: folder, stdio: 'ignore' })
  const bytes = readFileSync(join(folder, 'out.gem'))
  rmSync(folder, { recursive: true })
  return bytes
}

function put(files: World['files'], name: string, gem: Buffer): void {
  const info = `---\n1.0.0 |checksum:${digest('sha256', gem)}\n`
  files.set(`/info/${name}`, info)
  files.set(`/gems/${name}-1.0.0.gem`, gem)
  files.set(`/quick/Marshal.4.8/${name}-1.0.0.gemspec.rz`, gemspecOf(gem))
  const versions = String(files.get('/versions') ?? 'created_at: 2026-01-01T00:00:00+00:00\n---\n')
  files.set('/versions', `${versions}${name} 1.0.0 ${digest('md5', info)}\n`)
}

/** As the registry has it beside the index: what the gem says of itself, by Ruby's own writer. */
function gemspecOf(gem: Buffer): Buffer {
  const script =
    'require "rubygems/package"; STDIN.binmode; STDOUT.binmode; print Gem.deflate(Marshal.dump(Gem::Package.new(StringIO.new(STDIN.read)).spec))'
  return execFileSync('ruby', ['-rstringio', '-e', script], { input: gem })
}

let jobs = 0
function inStep({ stage }: World, role: string, script: string): Promise<Ran> {
  const env = stage.jobEnvironment({ run_id: `82000${jobs++}` })
  return stage.runJob(['run', '--role', role, '--', 'bash', '-ec', script], env)
}

/** A workspace that needs octo-words, with the Gemfile.lock that bundler 2.6 writes: older ones pass over CHECKSUMS. */
function writeBundle({ stage, files }: World, checksum?: string): void {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(stage.workspace, name), text)
  const hex = checksum ?? digest('sha256', files.get('/gems/octo-words-1.0.0.gem') ?? '')
  write('Gemfile', `source "https://${host}"\ngem "octo-words"\n`)
  write(
    'Gemfile.lock',
    `GEM\n  remote: https://${host}/\n  specs:\n    octo-words (1.0.0)\n\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n  octo-words\n\nCHECKSUMS\n  octo-words (1.0.0) sha256=${hex}\n\nBUNDLED WITH\n   2.3.15\n`,
  )
}

const install = 'export BUNDLE_PATH=$PWD/vendor BUNDLE_RETRY=0 BUNDLE_FROZEN=true; bundle install'

export default suite<World>({
  name: 'rubygems',
  needs: ['ruby', 'gem', 'bundle'],
  slow: true,
  open,
  rows: [
    {
      name: 'bundle install: what Gemfile.lock has',
      needs: [],
      async run(world) {
        writeBundle(world)
        const ran = await inStep(world, 'build', `${install} && bundle exec ruby -e 'require "octo-words"'`)
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
        assert.match(ran.stdout, /hello from octo-words/)
      },
    },
    {
      name: 'bundle install: another gem than Gemfile.lock has',
      needs: [],
      async run(world) {
        writeBundle(world, 'a'.repeat(64))
        const ran = await inStep(world, 'build', install)
        assert.notEqual(ran.exitCode, 0)
        assert.match(ran.stderr, /octo-words-1\.0\.0 is not what the lockfile pins/)
      },
    },
    {
      name: 'gem install: what no lockfile has, in a role that may and in one that may not',
      slow: true,
      needs: [],
      async run(world) {
        writeBundle(world)
        world.seen.length = 0
        const script = `gem install --clear-sources --source https://${host} -i /tmp/gems --no-document octo-other`
        const refused = await inStep(world, 'build', script)
        assert.notEqual(refused.exitCode, 0)
        assert.match(`${refused.stdout}${refused.stderr}`, /Gemfile\.lock does not have octo-other/)
        assert.doesNotMatch(JSON.stringify(world.seen), /octo-other/)
        const ran = await inStep(world, 'add', script)
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
        assert.match(ran.stdout, /Successfully installed octo-other-1\.0\.0/)
      },
    },
    {
      name: 'gem push: by name and version',
      needs: [],
      async run(world) {
        writeBundle(world)
        world.seen.length = 0
        for (const [name, version] of [
          ['octo-app', '0.1.0'],
          ['octo-words', '1.0.1'],
        ] as const)
          writeFileSync(join(world.stage.workspace, `${name}.gem`), buildGem(name, version))
        const refused = await inStep(world, 'add', 'gem push octo-words.gem')
        assert.match(`${refused.stdout}${refused.stderr}`, /"rubygems:publish gems\/octo-words@/)
        const ran = await inStep(world, 'add', 'gem push octo-app.gem')
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
        assert.match(ran.stdout, /Successfully registered gem: octo-app \(0\.1\.0\)/)
        assert.deepEqual(
          world.seen.filter(({ method }) => method === 'POST'),
          [{ method: 'POST', url: '/api/v1/gems', authorization: 'rubygems_token' }],
        )
      },
    },
  ],
})
