import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join, normalize } from 'node:path'
import { parseDocument } from 'yaml'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { extendPolicy, findProgram, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** What was deployed, by its path below the repository. */
  readonly deployed: Map<string, Buffer>
  readonly seen: {
    readonly method: string
    readonly path: string
    readonly authorization: string | undefined
  }[]
}

/** The repository that every pom has, by its own name: mvn asks for it there, with nothing configured. */
const host = 'repo.maven.apache.org'
const base = '/maven2'

/** Plugins and a library, as a folder of files (`npm run peers`); it makes the SHA-1 beside each file itself, as some servers do. */
async function open(): Promise<World> {
  const folder = join(dirname(findProgram('maven-repository') ?? ''), '../repository')
  const deployed: World['deployed'] = new Map()
  const seen: World['seen'] = []
  const fileAt = (path: string): Buffer | undefined => {
    const known = deployed.get(path)
    const place = join(folder, normalize(path))
    if (known !== undefined) return known
    if (existsSync(place) && statSync(place).isFile()) return readFileSync(place)
    const of = path.endsWith('.sha1') ? fileAt(path.slice(0, -'.sha1'.length)) : undefined
    return of === undefined ? undefined : Buffer.from(createHash('sha1').update(of).digest('hex'))
  }
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    const { method = '', url = '', headers } = request
    const path = url.slice(base.length)
    seen.push({ method, path, authorization: headers.authorization })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (method === 'PUT') deployed.set(path, Buffer.concat(chunks))
      const body = method === 'PUT' ? Buffer.of() : fileAt(path)
      response.writeHead(method === 'PUT' ? 201 : body === undefined ? 404 : 200)
      response.end(method === 'HEAD' ? undefined : body)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy(text) {
      const central = {
        ...{ kind: 'maven', url: `https://${host}${base}`, dial, ca },
        credential: { basic: 'secret:central' },
      }
      const document = parseDocument(extendPolicy(text, { connections: { central }, grants: {} }))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      const grants = ['maven:resolve central', 'maven:publish central/com.example:app@1.*']
      document.setIn(['roles', 'deploy'], { ...build, grants })
      const demanding = { grant: 'maven:publish central/com.example:lib@1.*', provenance: { role: 'build' } }
      document.setIn(['roles', 'proven'], { ...build, grants: ['maven:resolve central', demanding] })
      return document.toString()
    },
  })
  await stage.operate(['secret', 'set', 'central'], 'ci:token-of-central')
  return {
    ...{ stage, deployed, seen },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

const pom = (
  version: string,
) => `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>com.example</groupId><artifactId>app</artifactId><version>${version}</version>
<properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>
<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencies><dependency><groupId>commons-io</groupId><artifactId>commons-io</artifactId><version>2.11.0</version></dependency></dependencies>
<distributionManagement><repository><id>central</id><url>https://${host}${base}</url></repository></distributionManagement></project>`

const folder = '/com/example/app'

export default suite<World>({
  name: 'maven',
  needs: ['mvn', 'javac', 'maven-repository'],
  open,
  rows: [
    {
      name: 'mvn deploy:deploy-file under a demand: jar and pom, each attested, with what stands beside them',
      slow: true,
      needs: [],
      async run({ stage, deployed }) {
        const workspaces = ['building', 'releasing'].map((name) => mkdtempSync(join(stage.folder, name)))
        const [building = '', releasing = ''] = workspaces
        const inStep = (role: string, script: string, ...options: string[]) =>
          stage.runJob(
            [
              ...['run', '--role', role, '--workspace', role === 'build' ? building : releasing],
              ...[...options, '--', 'sh', '-c', script],
            ],
            stage.jobEnvironment({ run_id: '782000' }),
          )
        const lib = pom('1.0.0').replace('<artifactId>app<', '<artifactId>lib<')
        const files = ['lib.jar', 'lib.xml']
        const made = `echo of the build > lib.jar && printf %s '${lib}' > lib.xml`
        const built = await inStep('build', made, ...files.flatMap((file) => ['--artifact', file]))
        assert.equal(built.exitCode, 0, built.stderr)
        for (const file of files) cpSync(join(building, file), join(releasing, file))
        const deploy = (pomFile: string) =>
          `mvn -B deploy:deploy-file -Dfile=lib.jar -DpomFile=${pomFile} -DrepositoryId=central -Durl=https://${host}${base}`
        const refused = await inStep(
          'proven',
          `sed 's/commons-io/evil/g' lib.xml > own.xml && ${deploy('own.xml')}`,
        )
        assert.notEqual(refused.exitCode, 0)
        assert.match(
          refused.stderr,
          /asks for `provenance`: provenance: there is none about sha256:[0-9a-f]{64}/,
        )
        const of = (type: string) => `${folder.replace(/app$/, 'lib')}/1.0.0/lib-1.0.0.${type}`
        assert.equal(deployed.get(of('pom')), undefined)
        const proven = await inStep('proven', deploy('lib.xml'))
        assert.equal(proven.exitCode, 0, `${proven.stdout}\n${proven.stderr}`.slice(-3_000))
        assert.deepEqual(
          [deployed.get(of('jar'))?.toString(), deployed.get(of('pom'))?.toString()],
          ['of the build\n', lib],
        )
        deployed.clear()
      },
    },
    {
      // One step: each has an empty local repository, and its plugins take most of the time.
      name: 'mvn deploy: a granted version, not over it, and no other one; nothing configured',
      slow: true,
      needs: [],
      async run({ stage, deployed, seen }) {
        const write = (version: string, of: string) =>
          `printf %s '${pom(version)}' > pom.xml && echo 'class App { int v = org.apache.commons.io.IOUtils.EOF; String s = "${of}"; }' > src/main/java/App.java`
        const script = `mkdir -p p/src/main/java && cd p || exit 9
${write('1.0.0', 'first')} && mvn -B deploy || exit 8
echo "run is $MAYFLY_RUN, now over it"
${write('1.0.0', 'second')} && mvn -B deploy && exit 7
echo now the other one
${write('2.0.0', 'third')} && mvn -B deploy && exit 6; exit 0`
        const { exitCode, stdout, stderr } = await stage.runJob(
          ['run', '--role', 'deploy', '--', 'sh', '-c', script],
          stage.jobEnvironment({ run_id: '781000' }),
        )
        assert.equal(exitCode, 0, `${stdout}\n${stderr}`.slice(-3_000))
        const [first = '', over = '', other = ''] = stdout.split(/now over it|now the other one/)
        assert.doesNotMatch(first, /refused|status: 409/)
        assert.match(over, /status: 409/)
        assert.match(other, /status: 403/)
        assert.match(stderr, /app-1\.0\.0\.jar of 1\.0\.0 is there already/)
        assert.match(stderr, /"maven:publish central\/com\.example:app@2\.0\.0"/)
        const { authorization } = seen.at(-1) ?? {}
        assert.equal(authorization, `Basic ${Buffer.from('ci:token-of-central').toString('base64')}`)
        assert.deepEqual(
          [...deployed.keys()].filter((path) => !/\.(?:sha1|md5)$/.test(path)).toSorted(),
          ['1.0.0/app-1.0.0.jar', '1.0.0/app-1.0.0.pom', 'maven-metadata.xml'].map(
            (file) => `${folder}/${file}`,
          ),
        )
        const run = /run is (\S+),/.exec(first)?.[1] ?? ''
        const bill = await stage.operate(['sbom', run, '--data', stage.dataFolder])
        assert.match(
          bill.stdout,
          /pkg:maven\/commons-io\/commons-io@2\.11\.0\?file_name=commons-io-2\.11\.0\.jar/,
          bill.stderr,
        )
      },
    },
  ],
})
