import { execFile, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MayflyError, messageOf, type Engine } from '../../lib/index.ts'

const run = promisify(execFile)

/** A container engine of this machine. */
export interface ContainerEngine {
  readonly name: Engine
  readonly path: string
  /** Its digest, as the engine names what it runs. Throws `isolation_unavailable` if the image is not here. */
  digestOf(image: string): Promise<string>
  /** One line. */
  version(): Promise<string>
  /** Throws if it is installed and nobody answers: docker's is a daemon, whose socket this user may not have. */
  answers(): Promise<void>
  /** As the host numbers the first process of a container; undefined while there is none. */
  pidOf(container: string): Promise<number | undefined>
  /** Removes the container when this process is gone, however it ends, or when asked. */
  removeAtEnd(container: string): { now(): Promise<void> }
}

/**
 * Nothing of the job's environment: an earlier step may have put something there, and it names programs that engines start
 * (`CONTAINERS_CONF`), and machines on which they start them (`DOCKER_HOST`).
 */
export function engineEnvironment(): Record<string, string> {
  const uid = process.getuid?.() ?? 0
  const runtime = `/run/user/${uid}`
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: ownHome(),
    ...(existsSync(runtime) ? { XDG_RUNTIME_DIR: runtime } : {}),
  }
}

/** By /etc/passwd; containers run users that it does not know. */
function ownHome(): string {
  try {
    return userInfo().homedir
  } catch {
    return '/'
  }
}

// Not by PATH: a job's PATH names folders that an earlier step may have written to.
const standardFolders = ['/usr/bin', '/usr/local/bin']

/** Throws `isolation_unavailable` if it is not installed. */
export function findEngine(name: Engine, folders: readonly string[] = standardFolders): ContainerEngine {
  const path = folders.map((folder) => join(folder, name)).find(isProgram)
  if (path === undefined)
    throw new MayflyError(
      'isolation_unavailable',
      `${name} is not installed in ${folders.join(' or ')}: install it (Debian, Ubuntu: sudo apt-get install ${name === 'docker' ? 'docker.io' : 'podman uidmap'}), or leave isolation: ${name} out`,
    )
  const ask = async (args: readonly string[]) =>
    (await run(path, args, { env: engineEnvironment(), timeout: 30_000, maxBuffer: 1_048_576 })).stdout.trim()
  return {
    name,
    path,
    async digestOf(image) {
      const id = await ask(['image', 'inspect', '--format', '{{.Id}}', image]).catch(
        async (error: unknown) => {
          await ask(['info']).catch((why: unknown) => {
            throw new MayflyError(
              'isolation_unavailable',
              `${name} is installed and does not answer (${lastLineOf(why)}): start it${name === 'docker' ? ', and let this user reach its socket (group docker)' : ''}; mayfly doctor looks again`,
            )
          })
          const said = lastLineOf(error)
          throw new MayflyError(
            'isolation_unavailable',
            `the image ${image} is not there for ${name} (${said}): build or pull it before the step; a step pulls none`,
          )
        },
      )
      return id.startsWith('sha256:') ? id : `sha256:${id}`
    },
    async answers() {
      await ask(['info'])
    },
    version: async () => (await ask(['--version'])).split('\n')[0] ?? '',
    async pidOf(container) {
      const pid = Number(await ask(['inspect', '--format', '{{.State.Pid}}', container]).catch(() => '0'))
      return pid > 0 ? pid : undefined
    },
    removeAtEnd(container) {
      // podman would first ask it to end, for ten seconds.
      const remove = name === 'podman' ? ['rm', '-f', '-t', '0'] : ['rm', '-f']
      // It waits for the end of its input, which the kernel closes with us.
      const remover = spawn('/usr/bin/perl', ['-e', '<STDIN>; exec @ARGV', path, ...remove, container], {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: engineEnvironment(),
        detached: true,
      })
      const gone = new Promise<void>((resolve) => {
        remover.once('close', () => resolve())
        remover.once('error', () => resolve())
      })
      remover.stdin.on('error', () => undefined)
      return {
        async now() {
          remover.stdin.end()
          await gone
        },
      }
    },
  }
}

function lastLineOf(error: unknown): string {
  const said = (error as { stderr?: string }).stderr?.trim() ?? ''
  return said === '' ? messageOf(error) : (said.split('\n').at(-1) ?? '')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
