import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { messageOf } from '../../lib/index.ts'
import { engineEnvironment } from './engine.ts'
import { temporaryFolder } from './sandbox.fixture.ts'

/** A shell and little else, as arbitrary images have it. */
export const image = 'localhost/mayfly-test:shell'

const programs = [
  'sh',
  'cat',
  'id',
  'touch',
  'sleep',
  'nc',
  'ls',
  'grep',
  'mount',
  'unshare',
  'chmod',
  'printf',
]

/** An image of empty folders: with `machineOptions` it has the machine's programs, as an image of a CI has its own. */
export const machineImage = 'localhost/mayfly-test:machine'

const ulimits = ['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=1024:1024`])

/** The machine's programs and one folder more, all read-only. */
export function machineOptions(folder: string): string[] {
  const shown = ['/usr', '/etc/alternatives', folder].filter((path) => existsSync(path))
  return [...ulimits, ...shown.flatMap((path) => ['--volume', `${path}:${path}:ro`])]
}

/** Makes the image of busybox alone, without a registry. Why it cannot be run here, else undefined. */
export function prepareImage(t: TestContext): string | undefined {
  if (!existsSync('/bin/busybox')) return 'busybox-static is not installed'
  const root = temporaryFolder(t)
  for (const name of ['bin', 'dev', 'proc', 'etc']) mkdirSync(join(root, name))
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  for (const name of programs) symlinkSync('busybox', join(root, 'bin', name))
  return importImage(t, root, image, ulimits)
}

/** Why it cannot be run here, else undefined. `folder`: see `machineOptions`. */
export function prepareMachineImage(t: TestContext, folder: string): string | undefined {
  const root = temporaryFolder(t)
  for (const name of ['dev', 'etc', 'proc', 'run', 'sys', 'usr', 'var']) mkdirSync(join(root, name))
  // What is mounted over them gets their mode.
  for (const name of ['tmp', 'workspace']) {
    mkdirSync(join(root, name))
    chmodSync(join(root, name), 0o777)
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    if (existsSync(`/usr/${name}`)) symlinkSync(`usr/${name}`, join(root, name))
  return importImage(t, root, machineImage, machineOptions(folder))
}

function importImage(
  t: TestContext,
  root: string,
  name: string,
  options: readonly string[],
): string | undefined {
  if (!existsSync('/usr/bin/podman')) return 'podman is not installed'
  const podman = (...args: string[]) =>
    execFileSync('/usr/bin/podman', args, { env: engineEnvironment(), stdio: 'pipe', timeout: 60_000 })
  chmodSync(root, 0o755)
  const archive = join(temporaryFolder(t), 'image.tar')
  try {
    execFileSync('tar', ['-C', root, '-cf', archive, '.'])
    podman('import', '-c', 'ENV PATH=/bin', archive, name)
    podman('run', '--rm', '--network=none', ...options, name, 'sh', '-c', ':')
    return undefined
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? messageOf(error))
    return `podman cannot run a container here: ${said.trim().split('\n').at(-1) ?? ''}`
  }
}
