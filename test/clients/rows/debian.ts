import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import {
  createSigningKey,
  makeArchive,
  placeOf,
  type ArchiveOptions,
  type ArchivePackage,
  type SigningKey,
} from '../../../src/gateway/debian/archive.fixture.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly key: SigningKey
  readonly packages: readonly ArchivePackage[]
  /** What the archive has, by path. */
  files: Map<string, Buffer>
  readonly seen: string[]
}

const host = 'deb.example.com'

/**
 * A signed archive behind plain HTTP, as Debian's own is, and behind TLS; `build` may have octo-hello, and `image` builds images
 * with it.
 */
async function open(): Promise<World> {
  const key = createSigningKey()
  const packages = ['octo-hello', 'octo-hell0'].map(makePackage)
  const seen: string[] = []
  const serve: RequestListener = (request, response) => {
    const path = decodeURIComponent(request.url ?? '').replace(/^\/debian\//, '')
    seen.push(path)
    const file = world.files.get(path)
    response.writeHead(file === undefined ? 404 : 200, { 'content-length': file?.length ?? 0 }).end(file)
  }
  const { ca, cert, key: tlsKey } = await makeCertificate(host)
  const servers = [createServer(serve), createTlsServer({ cert, key: tlsKey }, serve)] as const
  for (const server of servers) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const [plain, tls] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
  const stage = await setStage({
    policy(text) {
      const archive = { kind: 'debian', keyring: key.keyring }
      const connections = {
        deb: { ...archive, url: `http://${host}/debian`, dial: plain },
        tls: { ...archive, url: `https://${host}/debian`, dial: tls, ca },
      }
      const grants = ['debian:download deb/octo-hello@1:*', 'debian:download tls']
      const document = parseDocument(extendPolicy(text, { connections, grants: { build: grants } }))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      document.setIn(['roles', 'image'], { ...build, allow: ['nested-namespaces'] })
      return document.toString()
    },
  })
  writeFileSync(join(stage.workspace, 'archive.asc'), key.keyring)
  const world: World = {
    ...{ stage, key, packages, seen, files: new Map<string, Buffer>() },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      key[Symbol.dispose]()
      await stage[Symbol.asyncDispose]()
    },
  }
  return world
}

/** A real package, which has one file that says its name. */
function makePackage(name: string): ArchivePackage {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-deb-'))
  const version = '1:1.0+b1~rc1-1'
  mkdirSync(join(root, 'tree/DEBIAN'), { recursive: true })
  mkdirSync(join(root, 'tree/usr/share/octo'), { recursive: true })
  writeFileSync(join(root, 'tree/usr/share/octo/hello'), `hello from ${name}\n`)
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Octo <octo@example.test>\nDescription: says hello\n`
  writeFileSync(join(root, 'tree/DEBIAN/control'), control)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', join(root, 'tree'), join(root, 'deb')], {
    stdio: 'ignore',
  })
  const bytes = readFileSync(join(root, 'deb'))
  rmSync(root, { recursive: true })
  return { name, version, bytes }
}

let jobs = 0
/** With one line of sources, which the workspace has. */
function inStep({ stage }: World, role: string, script: string, scheme = 'http'): Promise<Ran> {
  writeFileSync(
    join(stage.workspace, 'sources.list'),
    `deb [signed-by=${stage.workspace}/archive.asc] ${scheme}://${host}/debian stable main\n`,
  )
  const sources = `-o Dir::Etc::sourcelist=${stage.workspace}/sources.list -o Dir::Etc::sourceparts=-`
  const env = stage.jobEnvironment({ run_id: `81000${jobs++}` })
  const apt = `apt() { apt-get ${sources} "$@"; }\n`
  return stage.runJob(['run', '--role', role, '--', 'bash', '-ec', `${apt}${script}`], env)
}

/** The archive as it is, or as `change` makes it. */
function setArchive(world: World, options: Partial<ArchiveOptions> = {}): Map<string, Buffer> {
  world.files = makeArchive({ packages: world.packages, key: world.key, ...options })
  return world.files
}

/** The least image in which apt runs, of the machine's own files. */
const makeImage = `
export PATH=$PATH:/usr/sbin:/sbin
root=/tmp/image; mkdir -p $root/{usr/lib64,var/lib/dpkg/{info,updates,triggers},var/lib/apt/lists/partial,var/cache/apt/archives/partial}
mkdir -p $root/{var/log/apt,tmp,etc/apt/{apt.conf.d,trusted.gpg.d,preferences.d,sources.list.d},root,dev,proc,sys,run,usr/lib/apt/methods}
for name in bin sbin lib lib64; do mkdir -p $root/usr/$name; ln -s usr/$name $root/$name; done
touch $root/var/lib/dpkg/{status,available}
printf 'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n' > $root/etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' > $root/etc/group
take() { for file in "$@"; do mkdir -p $root/usr$(dirname \${file#/usr}); cp -L $file $root/usr\${file#/usr}; done; }
for name in apt-get apt-config apt-key awk base64 cat chmod cmp cp cut diff dirname dpkg dpkg-deb dpkg-query dpkg-split env find gpg gpgconf gpgv grep id ldconfig mkdir mktemp mv readlink rm rmdir sed sh sort start-stop-daemon stat tar touch tr wc xz /usr/lib/apt/methods/{http,store,gpgv,copy,file}; do
  file=$(command -v $name); take $file $(ldd $file 2>/dev/null | grep -o '/[^ ]*' || true)
done
mkdir -p $root/usr/share; cp -a /usr/share/dpkg $root/usr/share/
cp archive.asc sources.list $root/etc/apt/
sed -i 's#signed-by=[^]]*#signed-by=/etc/apt/archive.asc#' $root/etc/apt/sources.list
mkdir -p /tmp/context; tar -C $root -cf /tmp/context/root.tar .
`

export default suite<World>({
  name: 'debian',
  needs: ['apt-get', 'dpkg-deb', 'gpg', 'gpgv'],
  slow: true,
  open,
  rows: [
    {
      name: 'apt-get update and download: a package that the role names',
      needs: [],
      async run(world) {
        setArchive(world)
        const ran = await inStep(
          world,
          'build',
          'apt update; cd /tmp; apt download octo-hello; dpkg-deb -x *.deb /tmp/x; cat /tmp/x/usr/share/octo/hello',
        )
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.match(ran.stdout, /hello from octo-hello/)
        assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /^[WE]: /m)
      },
    },
    {
      name: 'apt-get by https://',
      needs: [],
      async run(world) {
        setArchive(world)
        const ran = await inStep(world, 'build', 'apt update; cd /tmp; apt download octo-hello', 'https')
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.match(ran.stdout, /https:.*octo-hello/)
      },
    },
    {
      name: 'apt-get download: a name that looks like it, and apt says why',
      needs: [],
      async run(world) {
        setArchive(world)
        world.seen.length = 0
        const ran = await inStep(world, 'build', 'apt update; apt download octo-hell0')
        assert.equal(ran.exitCode, 100)
        assert.match(
          ran.stderr,
          /E: Failed to fetch .* 403 +mayfly: refused: debian:download deb\/octo-hell0@.*"debian:download deb/,
        )
        assert.ok(world.seen.every((path) => !path.startsWith('pool/')))
      },
    },
    {
      name: 'apt-get download: another package in its place',
      needs: [],
      async run(world) {
        const [hello, other] = world.packages
        assert.ok(hello !== undefined && other !== undefined)
        // Not the one that the gateway keeps of an earlier step.
        const newer = { ...hello, version: '1:1.1', bytes: Buffer.concat([hello.bytes, Buffer.from('\n')]) }
        setArchive(world, { packages: [newer] }).set(placeOf(newer), other.bytes)
        const ran = await inStep(
          world,
          'build',
          'apt update; cd /tmp; apt -o Acquire::Retries=0 download octo-hello',
        )
        assert.notEqual(ran.exitCode, 0)
        assert.doesNotMatch(ran.stderr, /Hash Sum mismatch/, 'apt saw it whole')
        assert.match(ran.stderr, /octo-hello 1:1\.1 \(all\) is not what the registry signed/)
      },
    },
    {
      name: 'apt-get update: signed by another key, and what is older than before',
      needs: [],
      async run(world) {
        using stranger = createSigningKey()
        setArchive(world, { key: stranger })
        const foreign = await inStep(world, 'build', 'apt update')
        assert.notEqual(foreign.exitCode, 0)
        assert.match(foreign.stderr, /403 +mayfly: refused: .*the keyring of the connection does not have/)
        setArchive(world)
        assert.equal((await inStep(world, 'build', 'apt update')).exitCode, 0)
        setArchive(world, { at: new Date(Date.now() - 3_600_000) })
        const older = await inStep(world, 'build', 'apt update')
        assert.notEqual(older.exitCode, 0)
        assert.match(older.stderr, /403 +mayfly: refused: .*an archive does not go back/)
      },
    },
    {
      name: 'apt-get update && apt-get install -y: in an image that a step builds',
      slow: true,
      needs: ['buildah'],
      async run(world) {
        setArchive(world)
        const build = `${makeImage}
          printf 'FROM scratch\nADD root.tar /\nRUN apt-get update && apt-get install -y octo-hello && cat /usr/share/octo/hello\n' > /tmp/context/Dockerfile
          buildah bud /tmp/context 2>&1`
        const ran = await inStep(world, 'image', build)
        assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
        assert.match(ran.stdout, /Setting up octo-hello[^]*hello from octo-hello/)
      },
    },
  ],
})
