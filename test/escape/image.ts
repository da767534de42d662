import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { messageOf } from '../../src/lib/index.ts'
import { engineEnvironment } from '../../src/runner/sandbox/engine.ts'

/** Where a container's image has the attempts' programs: it sees no tools of the machine. */
export const imageTools = '/escape'

const base = 'localhost/mayfly-escape:base'

const programs = [
  ...['perl', 'sh', 'bash', 'cat', 'ls', 'id', 'env', 'sleep', 'touch', 'chmod', 'cp', 'ln', 'rm', 'mkdir'],
  ...['mknod', 'unshare', 'nsenter', 'mount', 'umount', 'setsid', 'setpriv', 'su', 'curl', 'git', 'grep'],
].map((name) => `/usr/bin/${name}`)

function podman(...args: string[]): string {
  const options = { env: engineEnvironment(), stdio: 'pipe', timeout: 120_000, encoding: 'utf8' } as const
  return execFileSync('/usr/bin/podman', args, options)
}

/** An image of the few programs of this machine that attempts need, made without a registry. Why it does not run here, else undefined. */
export function prepareBase(): string | undefined {
  if (!existsSync('/usr/bin/podman')) return 'podman is not installed'
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-escape-image-'))
  try {
    const root = join(folder, 'root')
    for (const name of ['usr', 'etc', 'dev', 'proc', 'sys', 'run', 'tmp', 'var'])
      mkdirSync(join(root, name), { recursive: true })
    for (const name of ['bin', 'sbin', 'lib', 'lib64'])
      if (existsSync(`/usr/${name}`)) symlinkSync(`usr/${name}`, join(root, name))
    const found = programs.filter((path) => existsSync(path))
    const copied = [...found, ...new Set(found.flatMap(librariesOf)), ...perlFolders()]
    for (const path of copied.map(realPlace)) {
      mkdirSync(join(root, dirname(path)), { recursive: true })
      execFileSync('cp', ['-rL', '--preserve=mode', path, join(root, dirname(path))])
    }
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n')
    execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', join(folder, 'image.tar'), '.'])
    podman('import', '-c', 'ENV PATH=/usr/bin', join(folder, 'image.tar'), base)
    const ulimits = ['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=1024:1024`])
    podman('run', '--rm', '--network=none', ...ulimits, base, 'perl', '-MSocket', '-e', '1')
    return undefined
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? messageOf(error)
    return `podman cannot run a container here: ${said.trim().split('\n').at(-1) ?? ''}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same with one ground's programs in it. */
export function imageWith(tools: string): { readonly name: string } & Disposable {
  const name = `localhost/mayfly-escape:${randomBytes(6).toString('hex')}`
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-escape-tools-'))
  try {
    cpSync(tools, folder, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    const facts = readFileSync(join(tools, 'ground'), 'utf8')
    writeFileSync(join(folder, 'ground'), facts.replace(/^tools=.*$/m, `tools=${imageTools}`))
    const container = podman('create', '--network=none', base, 'true').trim()
    podman('cp', `${folder}/.`, `${container}:${imageTools}`)
    podman('commit', '--quiet', container, name)
    podman('rm', container)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { name, [Symbol.dispose]: () => void podman('rmi', '--force', name) }
}

function librariesOf(program: string): string[] {
  const text = execFileSync('/usr/bin/ldd', [program], { encoding: 'utf8' })
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

/** Its modules, and the locale of a step: perl says on standard error that there is none. */
function perlFolders(): string[] {
  const parents = ['/usr/share', ...readdirSync('/usr/lib').map((name) => join('/usr/lib', name))]
  return parents
    .flatMap((parent) => ['perl', 'perl-base', 'perl5'].map((name) => join(parent, name)))
    .concat(['C.utf8', 'C.UTF-8'].map((name) => join('/usr/lib/locale', name)))
    .filter((path) => existsSync(path))
}

/** /lib is a link to /usr/lib, and the image has it as such. */
function realPlace(path: string): string {
  return join(realpathSync(dirname(path)), basename(path))
}
