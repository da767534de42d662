import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { readEnvironment } from '../../src/config/environment.ts'

/** A client or server that no package manager of the system has, at one version, from its ecosystem's own registry. */
export interface Peer {
  readonly name: string
  readonly version: string
  /** What it is for: said when it is built. */
  readonly why: string
  readonly from: 'go' | 'npm' | 'pypi' | 'maven'
  /** The package, in its ecosystem's words. */
  readonly package: string
  /** Of a Go module that has several programs in one folder: the file of the one that is meant, and its build tags. */
  readonly file?: string
  readonly tags?: string
  /**
   * Of a Go module that names others by a folder beside it: these packages of it are built in a module of their own, which takes the
   * others as they are published. Of a Python package: its programs, where they are not one of its own name.
   */
  readonly programs?: readonly string[]
  /** More that has to be installed beside it. */
  readonly beside?: readonly string[]
  /** It has no program. The one that stands for it says where its packages are (npm, maven), or is a Python that has it. */
  readonly isLibrary?: true
  /** Of npm: versions of its dependencies that are there and work, where those that it asks for do not. */
  readonly overrides?: Readonly<Record<string, string>>
}

export const peers: readonly Peer[] = [
  peer('crane', 'go', 'github.com/google/go-containerregistry/cmd/crane', 'v0.22.1', 'copies images'),
  peer('oras', 'go', 'oras.land/oras/cmd/oras', 'v1.3.6', 'copies artifacts'),
  peer('gitlab-ci-local', 'npm', 'gitlab-ci-local', '4.75.1', 'runs pipelines of GitLab'),
  peer('git-lfs', 'go', 'github.com/git-lfs/git-lfs/v3', 'v3.8.1', 'fetches and pushes large files'),
  {
    ...peer('lfstest-gitserver', 'go', 'github.com/git-lfs/git-lfs/v3', 'v3.8.1', 'a Git server with LFS'),
    file: './t/cmd/lfstest-gitserver.go',
    tags: 'testtools',
  },
  {
    ...peer('kube-apiserver', 'go', 'k8s.io/kubernetes', 'v1.36.3', 'a cluster’s API, and kubectl'),
    programs: ['k8s.io/kubernetes/cmd/kube-apiserver', 'k8s.io/kubernetes/cmd/kubectl'],
  },
  {
    ...peer(
      'etcd',
      'go',
      'go.etcd.io/etcd/server/v3',
      'v3.6.16',
      'what a cluster’s API keeps its objects in',
    ),
    programs: ['go.etcd.io/etcd/server/v3'],
  },
  peer('helm', 'go', 'helm.sh/helm/v4/cmd/helm', 'v4.3.1', 'deploys to Kubernetes'),
  peer('kustomize', 'go', 'sigs.k8s.io/kustomize/kustomize/v5', 'v5.8.2', 'writes manifests'),
  peer(
    'fake-gcs-server',
    'go',
    'github.com/fsouza/fake-gcs-server',
    'v1.56.1',
    'answers as Cloud Storage does',
  ),
  peer('cosign', 'go', 'github.com/sigstore/cosign/v3/cmd/cosign', 'v3.1.3', 'verifies attestations'),
  peer(
    'sigstore-go-verification',
    'go',
    'github.com/sigstore/sigstore-go/examples/sigstore-go-verification',
    'v1.3.0',
    'verifies bundles',
  ),
  peer('pnpm', 'npm', 'pnpm', '12.21.0', 'installs packages'),
  peer('yarn', 'npm', 'yarn', '1.22.22', 'installs packages'),
  { ...peer('yarn4', 'npm', '@yarnpkg/cli-dist', '4.18.1', 'installs packages') },
  peer('bun', 'npm', 'bun', '1.4.5', 'installs packages'),
  {
    ...peer('verdaccio', 'npm', 'verdaccio', '6.8.0', 'an npm registry'),
    overrides: { 'node-fetch': '2.7.0' },
  },
  peer(
    'maven-repository',
    'maven',
    'commons-io:commons-io',
    '2.11.0',
    'what mvn builds a jar with, as files',
  ),
  peer('uv', 'pypi', 'uv', '0.13.0', 'installs packages'),
  peer('twine', 'pypi', 'twine', '7.0.0', 'publishes packages'),
  peer('poetry', 'pypi', 'poetry', '2.5.0', 'installs packages'),
  peer('pdm', 'pypi', 'pdm', '2.29.0', 'installs packages', ['unearth<0.19', 'hishel[httpx]==1.2.1']),
  peer('devpi-server', 'pypi', 'devpi-server', '6.20.3', 'a Python package index'),
  peer('pypi-server', 'pypi', 'pypiserver', '', 'a Python package index', ['passlib']),
  peer('aws', 'pypi', 'awscli', '1.46.3', 'deploys to AWS', ['boto3']),
  {
    ...peer('aws-sdk-js', 'npm', '@aws-sdk/client-s3', '3.1175.0', 'asks AWS, and knows no proxy'),
    isLibrary: true,
  },
  {
    ...peer('kubernetes-js', 'npm', '@kubernetes/client-node', '1.4.0', 'asks a cluster'),
    isLibrary: true,
  },
  { ...peer('kubernetes-python', 'pypi', 'kubernetes', '37.0.2', 'asks a cluster'), isLibrary: true },
  peer('azurite-blob', 'npm', 'azurite', '3.35.0', 'answers as Blob Storage does'),
  {
    ...peer('azure-js', 'npm', '@azure/storage-blob', '12.32.0', 'asks Azure', ['@azure/identity@4.13.1']),
    isLibrary: true,
  },
  {
    ...peer('azure-python', 'pypi', 'azure-storage-blob', '12.31.1', 'asks Azure', [
      ...['azure-identity==1.27.0', 'azure-keyvault-secrets==4.12.0', 'azure-mgmt-resource==26.0.0'],
    ]),
    isLibrary: true,
  },
  peer('az', 'pypi', 'azure-cli', '2.91.0', 'deploys to Azure'),
  peer('alembic', 'pypi', 'alembic', '1.20.1', 'migrates databases', ['psycopg[binary]==3.3.9']),
  {
    ...peer('ansible', 'pypi', 'ansible-core', '2.19.14', 'deploys over SSH'),
    programs: ['ansible', 'ansible-playbook'],
  },
  { ...peer('paramiko', 'pypi', 'paramiko', '5.1.0', 'speaks SSH in Python'), isLibrary: true },
  { ...peer('pymysql', 'pypi', 'PyMySQL', '1.2.4', 'asks MySQL'), isLibrary: true },
  { ...peer('redis-py', 'pypi', 'redis', '8.1.0', 'asks Redis'), isLibrary: true },
  { ...peer('asyncpg', 'pypi', 'asyncpg', '0.32.0', 'asks PostgreSQL'), isLibrary: true },
  peer('tern', 'go', 'github.com/jackc/tern/v2', 'v2.3.4', 'migrates databases, by pgx'),
  {
    ...peer('java-migrations', 'maven', 'org.flywaydb:flyway-core', '11.8.0', 'migrate databases, by JDBC', [
      'org.flywaydb:flyway-database-postgresql:11.8.0',
      'org.liquibase:liquibase-core:4.31.1',
      'info.picocli:picocli:4.7.6',
      'org.postgresql:postgresql:42.7.5',
    ]),
    isLibrary: true,
  },
  {
    ...peer('prisma', 'npm', 'prisma', '6.19.3', 'asks databases, with nothing but WebAssembly', [
      '@prisma/client@6.19.3',
      '@prisma/adapter-pg@6.19.3',
    ]),
    isLibrary: true,
  },
  peer('sigstore', 'pypi', 'sigstore', '4.5.1', 'verifies bundles'),
  {
    ...peer('in-toto', 'pypi', 'in-toto', '3.1.0', 'verifies envelopes', [
      ...['securesystemslib[crypto]==1.6.0', 'in-toto-attestation==0.9.3'],
    ]),
    isLibrary: true,
  },
  peer('gitleaks', 'go', 'github.com/zricethezav/gitleaks/v8', 'v8.30.1', 'finds secrets, as we do'),
  peer('kingfisher', 'pypi', 'kingfisher-bin', '2.14.0', 'finds secrets, as we do'),
  peer('credsweeper', 'pypi', 'credsweeper', '1.19.5', 'finds secrets, as we do'),
  peer('zizmor', 'pypi', 'zizmor', '1.32.0', 'reads workflows'),
  peer('actionlint', 'go', 'github.com/rhysd/actionlint/cmd/actionlint', 'v1.7.12', 'reads workflows'),
  peer('moto_server', 'pypi', 'moto[server]', '5.2.5', 'answers as AWS does'),
]

function peer(
  name: string,
  from: Peer['from'],
  source: string,
  version: string,
  why: string,
  beside: readonly string[] = [],
): Peer {
  return { name, version, why, from, package: source, beside }
}

/** Outside the tree, so that a clean checkout finds what another one built; one folder a version. */
function cacheFolder(): string {
  const { XDG_CACHE_HOME: cache } = readEnvironment().variables
  return join(cache ?? join(homedir(), '.cache'), 'mayfly-peers')
}

function folderOf({ name, version }: Peer): string {
  return join(cacheFolder(), `${name}@${version === '' ? 'newest' : version}`)
}

/** Folders with the programs of those that are there. */
export function peerFolders(): string[] {
  return peers.flatMap((one) => [join(folderOf(one), 'bin')]).filter((folder) => existsSync(folder))
}

/** The program of that peer, where it is built. */
export function programOf(name: string): string | undefined {
  const one = peers.find((peer) => peer.name === name)
  return one !== undefined && isBuilt(one) ? join(folderOf(one), 'bin', name) : undefined
}

export function isBuilt(one: Peer): boolean {
  return existsSync(folderOf(one))
}

/** Builds it beside its place and puts it there whole. Throws what its tool said. */
export function build(one: Peer): void {
  const folder = folderOf(one)
  const making = `${folder}.${process.pid}`
  mkdirSync(join(making, 'bin'), { recursive: true })
  try {
    builders[one.from](one, making, folder)
    renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

const builders: Record<Peer['from'], (one: Peer, making: string, place: string) => void> = {
  go(one, making) {
    if (one.file !== undefined) return buildFile(one, one.file, making)
    if (one.programs !== undefined) return buildPrograms(one, one.programs, making)
    run('go', ['install', '-trimpath', '-ldflags', '-s -w', `${one.package}@${one.version}`], {
      CGO_ENABLED: '0',
      GOBIN: join(making, 'bin'),
    })
  },
  npm(one, making) {
    const { overrides = {} } = one
    writeFileSync(join(making, 'package.json'), JSON.stringify({ private: true, overrides }))
    const wanted = [`${one.package}@${one.version}`, ...(one.beside ?? [])]
    run('npm', ['install', '--prefix', making, '--no-audit', '--no-fund', ...wanted])
    const bin = one.name === 'yarn4' ? 'yarn' : one.name
    if (one.isLibrary === true) {
      const script = '#!/bin/sh\necho "${0%/bin/*}/node_modules"\n'
      return writeFileSync(join(making, 'bin', one.name), script, { mode: 0o755 })
    }
    // A relative link, so that the folder can be moved to its place.
    run('ln', ['-s', `../node_modules/.bin/${bin}`, join(making, 'bin', one.name)])
  },
  pypi(one, making, place) {
    const wanted = one.version === '' ? one.package : `${one.package}==${one.version}`
    run('python3', ['-m', 'venv', join(making, 'venv')])
    run(join(making, 'venv/bin/pip'), ['install', '-q', wanted, ...(one.beside ?? [])])
    if (one.isLibrary === true) {
      const script = '#!/bin/sh\nexec "${0%/bin/*}/venv/bin/python3" "$@"\n'
      return writeFileSync(join(making, 'bin', one.name), script, { mode: 0o755 })
    }
    for (const program of one.programs ?? [one.name]) {
      // A venv's scripts name the place that they were made in.
      run('sed', ['-i', `1s|${making}|${place}|`, join(making, 'venv/bin', program)], {}, true)
      run('ln', ['-s', `../venv/bin/${program}`, join(making, 'bin', program)])
    }
  },
  maven: (one, making) => (one.isLibrary === true ? buildJars(one, making) : buildRepository(one, making)),
}

/** The jars with all that they need, in one folder. */
function buildJars({ name, version, package: library, beside = [] }: Peer, making: string): void {
  const project = join(making, 'project')
  mkdirSync(project)
  const dependencies = [`${library}:${version}`, ...beside].map((one) => {
    const [group, artifact, of] = one.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${of}</version></dependency>`
  })
  writeFileSync(
    join(project, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>com.example</groupId><artifactId>peers</artifactId><version>1</version>
<dependencies>${dependencies.join('')}</dependencies></project>`,
  )
  const to = `-DoutputDirectory=${join(making, 'jars')}`
  run('mvn', ['-q', '-B', '-f', project, 'dependency:copy-dependencies', to, '-DincludeScope=runtime'])
  rmSync(project, { recursive: true })
  writeFileSync(join(making, 'bin', name), '#!/bin/sh\necho "${0%/bin/*}/jars"\n', { mode: 0o755 })
}

/** What `mvn deploy` of a jar that uses the library takes: plugins with their libraries, in the layout of a repository. */
function buildRepository({ name, version, package: library }: Peer, making: string): void {
  const [group = '', artifact = ''] = library.split(':')
  const project = join(making, 'project')
  mkdirSync(join(project, 'src/main/java'), { recursive: true })
  writeFileSync(
    join(project, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>com.example</groupId><artifactId>app</artifactId><version>1.0.0</version>
<properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>
<dependencies><dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency></dependencies></project>`,
  )
  writeFileSync(join(project, 'src/main/java/App.java'), 'public class App {}')
  const repository = join(making, 'repository')
  const to = `x::default::file://${join(project, 'deployed')}`
  const goals = ['deploy', `-Dmaven.repo.local=${repository}`, `-DaltDeploymentRepository=${to}`]
  run('mvn', ['-q', '-B', '-f', project, ...goals])
  for (const folder of [project, join(repository, 'com/example')]) rmSync(folder, { recursive: true })
  writeFileSync(join(making, 'bin', name), '#!/bin/sh\necho "${0%/bin/*}/repository"\n', { mode: 0o755 })
}

function buildPrograms(
  { name, version, package: module }: Peer,
  programs: readonly string[],
  making: string,
): void {
  const got = execFileSync('go', ['mod', 'download', '-json', `${module}@${version}`], {
    env: readEnvironment().variables,
    encoding: 'utf8',
  })
  const { GoMod: file } = JSON.parse(got) as { GoMod: string }
  // What stands beside Kubernetes 1.X is published as version 0.X.
  const beside = readFileSync(file, 'utf8').matchAll(/^\s*(?:replace )?(\S+) => \.\/staging\//gm)
  const replaced = [...beside].map(([, one]) => `replace ${one} => ${one} v0${version.slice(2)}\n`)
  const own = join(making, 'module')
  mkdirSync(own)
  writeFileSync(
    join(own, 'go.mod'),
    `module peers\ngo 1.26\nrequire ${module} ${version}\n${replaced.join('')}`,
  )
  for (const program of programs) {
    const out = join(making, 'bin', programs.length === 1 ? name : basename(program))
    const flags = ['-trimpath', '-ldflags', `-s -w -X k8s.io/component-base/version.gitVersion=${version}`]
    run('go', ['-C', own, 'build', '-mod=mod', ...flags, '-o', out, program], { CGO_ENABLED: '0' })
  }
  rmSync(own, { recursive: true })
}

function buildFile({ name, version, package: module, tags = '' }: Peer, file: string, making: string): void {
  const got = execFileSync('go', ['mod', 'download', '-json', `${module}@${version}`], {
    env: readEnvironment().variables,
    encoding: 'utf8',
  })
  const { Dir: folder } = JSON.parse(got) as { Dir: string }
  const out = join(making, 'bin', name)
  run('go', ['-C', folder, 'build', '-trimpath', '-ldflags', '-s -w', '-tags', tags, '-o', out, file], {
    CGO_ENABLED: '0',
  })
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  mayFail = false,
): void {
  try {
    execFileSync(program, args, {
      env: { ...readEnvironment().variables, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 1_800_000,
    })
  } catch (error) {
    if (!mayFail) throw error
  }
}
