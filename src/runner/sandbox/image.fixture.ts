import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
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

/** Makes the image of busybox alone, without a registry. Why it cannot be run here, else undefined. */
export function prepareImage(t: TestContext): string | undefined {
  if (!existsSync('/usr/bin/podman')) return 'podman is not installed'
  if (!existsSync('/bin/busybox')) return 'busybox-static is not installed'
  const podman = (...args: string[]) =>
    execFileSync('/usr/bin/podman', args, { env: engineEnvironment(), stdio: 'pipe', timeout: 60_000 })
  const folder = temporaryFolder(t)
  const root = join(folder, 'root')
  for (const name of ['bin', 'dev', 'proc', 'etc']) mkdirSync(join(root, name), { recursive: true })
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  for (const name of programs) symlinkSync('busybox', join(root, 'bin', name))
  try {
    execFileSync('tar', ['-C', root, '-cf', join(folder, 'image.tar'), '.'])
    podman('import', '-c', 'ENV PATH=/bin', join(folder, 'image.tar'), image)
    const ulimits = ['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=1024:1024`])
    podman('run', '--rm', '--network=none', ...ulimits, image, 'sh', '-c', ':')
    return undefined
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? messageOf(error))
    return `podman cannot run a container here: ${said.trim().split('\n').at(-1) ?? ''}`
  }
}
