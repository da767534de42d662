import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError, type Engine } from '../../lib/index.ts'
import { readInside, type Protections } from '../workspace/index.ts'
import { containerFilter } from './container-filter.ts'
import { countDirectAttempts, type AttemptCounter } from './direct-attempts.ts'
import { makeDoorsInside } from './enter.ts'
import { engineEnvironment, findEngine, type ContainerEngine } from './engine.ts'
import { writeSandboxFiles, writtenFolders } from './files.ts'
import {
  aptConfigInside,
  caBundleInside,
  caInside,
  credentialsInside,
  handedFile,
  homeInside,
  scriptFile,
  scriptInside,
  knownHostsFile,
  knownHostsInside,
  settingsFolder,
  settingsInside,
} from './inside.ts'
import { hiddenPaths } from './kernel-files.ts'
import { memoryFolderBytes, processLimits } from './limits/index.ts'
import { closeInherited, markOf, untilGone, type ProcessMark } from './process-tree.ts'
import { guardWorkspace } from './put-back.ts'
import { notStartedExitCode, type Sandbox, type SandboxRequest } from './sandbox.ts'
import { socketMounts } from './socket-mounts.ts'
import { endOf, openStreams } from './streams.ts'
import { coverMounts, workspaceMounts } from './workspace-mounts.ts'

export interface ContainerRequest extends Omit<
  SandboxRequest,
  'bwrap' | 'network' | 'disableUserns' | 'ownProcesses' | 'sizedFolders' | 'ownHostName' | 'nesting'
> {
  readonly engine: Engine
  readonly image: string
}

/**
 * Runs the command in a container of an image of the user's: no network but the doors, which the supervisor makes in the container's
 * own network namespace; no capability, no new privileges, our filter of system calls, a root that is read-only, nothing
 * of the machine but the workspace, masked as in the other sandbox. Of the image it needs a shell alone, which waits for the doors.
 */
export function startContainer(
  request: ContainerRequest,
  engine: ContainerEngine = findEngine(request.engine),
): Sandbox {
  using made = new DisposableStack()
  const handed = request.handed ?? []
  const files = made.use(writeSandboxFiles(request, handed.length)).folder
  writeFileSync(join(files, 'environment'), credentialScript(request) + environmentScript(request.env), {
    mode: 0o600,
  })
  writeFileSync(join(files, 'filter.json'), JSON.stringify(containerFilter()))
  const protections =
    request.isOwnWorkspace === true
      ? undefined
      : made.use(guardWorkspace(request.workspace, request.inUse ?? [])).protections
  const go = openGate(files)
  made.defer(() => closeSync(go))
  closeInherited()
  const streams = openStreams(request.withStdin, request.merged)
  made.defer(() => streams.close())
  const name = `mayfly-${randomBytes(9).toString('hex')}`
  const remover = engine.removeAtEnd(name)
  const child = spawn(engine.path, containerArguments(engine, name, files, request, protections), {
    stdio: [...streams.theirs],
    env: engineEnvironment(),
    detached: true,
  })
  streams.handedOn()
  const standing = made.move()
  const lives = () => child.exitCode === null && child.signalCode === null
  const accepting: { accept: (listener: Server, place: string) => void } = {
    accept: (listener) => listener.close(),
  }
  const state: {
    pid?: number
    first?: ProcessMark
    hasStarted: boolean
    killed: boolean
    fault?: unknown
    attempts?: AttemptCounter | undefined
  } = {
    ...{ hasStarted: false, killed: false },
  }
  const kill = () => {
    state.killed = true
    // The first process of its process namespace: the kernel ends all the others with it.
    if (state.pid !== undefined && lives()) signalTo(state.pid, 'SIGKILL')
    else void remover.now()
  }
  const begin = async () => {
    const pid = await firstProcessOf(engine, name, child)
    if (pid === undefined) return
    state.pid = pid
    state.first = markOf(pid)
    if (state.killed) return kill()
    state.attempts = countDirectAttempts(pid)
    await makeDoorsInside(pid, request.doors.places, (place, handle) => {
      if (handle !== undefined) accepting.accept(handle as Server, String(place))
    })
    await request.mayBegin?.()
    state.hasStarted = true
    writeSync(go, 'go\n')
  }
  const beginning = begin().catch((error: unknown) => {
    state.fault = error
    kill()
  })
  const written = new Map<string, string | undefined>()
  const end = async (code: number): Promise<number> => {
    await beginning
    if (state.first !== undefined) await untilGone(state.first)
    await remover.now()
    for (const [i, inside] of handed.entries())
      written.set(inside, readInside(files, handedFile(i), maxHandedBytes))
    if (state.fault !== undefined) throw state.fault
    return state.hasStarted ? code : notStartedExitCode
  }
  return {
    ...streams,
    onListener: (accept) => (accepting.accept = accept),
    exit: endOf(child, streams)
      .then(end)
      .finally(() => standing.dispose()),
    hasStarted: () => state.hasStarted,
    signal: (signal) =>
      state.hasStarted && lives() && state.pid !== undefined && signalTo(-state.pid, signal),
    kill,
    written: () => written,
    directAttempts() {
      const counted = state.attempts?.read()
      state.attempts?.close()
      state.attempts = undefined
      return counted
    },
    writes: writtenFolders(request, files),
    heldBy: 'rlimits',
    passedLimit: () => undefined,
    firstProcess: () => state.pid,
  }
}

/** As much as GitHub takes of a step's summary. */
const maxHandedBytes = 1_048_576

/** The shell stays, as the first process, so that the command hears signals and leaves no zombies behind it. */
const shell = 'read -r _ < /run/mayfly/go && . /run/mayfly/environment && "$@"; exit $?'

function containerArguments(
  engine: ContainerEngine,
  name: string,
  files: string,
  request: ContainerRequest,
  protections: Protections | undefined,
): string[] {
  const { workspace, image, command, limits } = request
  const inside = request.workspaceInside ?? workspace
  const plan = { workspace, workspaceInside: inside, files, covers: request.covers }
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  const size = memoryFolderBytes(limits, 'rlimits')
  const own = {
    go: '/run/mayfly/go',
    environment: '/run/mayfly/environment',
    hosts: '/etc/hosts',
    'apt.conf': aptConfigInside,
    'ca.pem': caInside,
    ...(request.knownHosts === undefined || request.knownHosts === ''
      ? {}
      : { [knownHostsFile]: knownHostsInside }),
    ...(request.script === undefined ? {} : { [scriptFile]: scriptInside }),
  }
  const mounts = [
    ...Object.entries(own).flatMap(([file, path]) => ['--ro-bind', join(files, file), path]),
    ...['--bind', join(files, settingsFolder), settingsInside],
    ...[caBundleInside, '/etc/ssl/certs/ca-certificates.crt'].flatMap((path) => [
      '--ro-bind',
      join(files, 'ca-bundle.pem'),
      path,
    ]),
    ...(request.credentials === undefined
      ? []
      : ['--ro-bind', request.credentials.folder, credentialsInside]),
    ...(request.handed ?? []).flatMap((path, i) => ['--bind', join(files, handedFile(i)), path]),
    ...['--bind', workspace, inside],
    ...(protections === undefined ? [] : workspaceMounts(plan, protections)),
    ...coverMounts(plan),
    ...(request.folders ?? []).flatMap((folder) => ['--bind', folder.outside, folder.inside]),
    ...socketMounts({ ...plan, folders: request.folders ?? [], tools: [] }),
  ]
  return [
    ...['run', '--rm', '--name', name, '--pull=never', '--log-driver=none', '--hostname=mayfly'],
    ...['--network=none', '--ipc=private', '--cap-drop=all', '--security-opt=no-new-privileges'],
    ...[`--security-opt=seccomp=${join(files, 'filter.json')}`, '--read-only', `--user=${uid}:${gid}`],
    ...(engine.name === 'podman'
      ? [
          '--no-hosts',
          '--read-only-tmpfs=false',
          `--security-opt=mask=${hiddenPaths().join(':')}`,
          ...(uid === 0 ? [] : ['--userns=keep-id']),
        ]
      : []),
    ...['/tmp', '/run', '/var/tmp', homeInside].flatMap((path) => [
      '--tmpfs',
      `${path}:rw,nosuid,nodev,exec,mode=1777,size=${size}`,
    ]),
    ...ulimits(request).flatMap((limit) => ['--ulimit', limit]),
    ...mountOptions(mounts),
    ...(request.withStdin ? ['--interactive'] : []),
    ...[`--workdir=${inside}`, '--entrypoint=/bin/sh', image, '-c', shell, 'sh', ...command],
  ]
}

/** bubblewrap's triples as engines take them. Throws `bad_input` for a path that their form cannot hold. */
function mountOptions(options: readonly string[]): string[] {
  const found: string[] = []
  for (let i = 0; i < options.length; i += 3) {
    const [kind, source = '', target = ''] = options.slice(i, i + 3)
    if (kind !== '--bind' && kind !== '--ro-bind') throw new Error(`not a mount of a container: ${kind}`)
    if (/[,"\n]/.test(source + target))
      throw new MayflyError(
        'bad_input',
        `a container cannot be given ${JSON.stringify(source)}: a comma, a quote or a line break is in its path`,
      )
    found.push(
      '--mount',
      `type=bind,source=${source},target=${target}${kind === '--bind' ? '' : ',readonly'}`,
    )
  }
  return found
}

const limitNames: Readonly<Record<number, string>> = {
  1: 'fsize',
  2: 'data',
  4: 'core',
  6: 'nproc',
  7: 'nofile',
}
const limitLines: Readonly<Record<string, RegExp>> = {
  fsize: /^Max file size\s+\S+\s+(\S+)/m,
  data: /^Max data size\s+\S+\s+(\S+)/m,
  core: /^Max core file size\s+\S+\s+(\S+)/m,
  nproc: /^Max processes\s+\S+\s+(\S+)/m,
  nofile: /^Max open files\s+\S+\s+(\S+)/m,
}

/** No more than this process may have itself, which nobody can raise for its containers. */
function ulimits({ limits }: ContainerRequest): string[] {
  const ours = readFileSync('/proc/self/limits', 'utf8')
  return processLimits(limits, 'rlimits').flatMap(([resource, most]) => {
    const name = limitNames[resource]
    if (name === undefined) return []
    const hard = limitLines[name]?.exec(ours)?.[1]
    const value = Math.min(most, hard === undefined || hard === 'unlimited' ? most : Number(hard))
    return [`${name}=${value}:${value}`]
  })
}

/** Of the container's first process; undefined if it ended before it had one. */
async function firstProcessOf(
  engine: ContainerEngine,
  name: string,
  child: ChildProcess,
): Promise<number | undefined> {
  while (child.exitCode === null && child.signalCode === null) {
    const pid = await engine.pidOf(name)
    if (pid !== undefined) return pid
    await sleep(20)
  }
  return undefined
}

/** A pipe with a name, which the container's shell reads from; held open on both sides, so that nobody waits to open it. */
function openGate(files: string): number {
  const path = join(files, 'go')
  const ran = spawnSync('/usr/bin/mkfifo', ['-m', '600', path], { env: {}, stdio: 'ignore' })
  if (ran.status !== 0)
    throw new MayflyError('isolation_unavailable', '/usr/bin/mkfifo could not make a pipe for the container')
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
}

/** Links in the step's home, made by the image's own programs before the environment is the step's. Paths have no quotes. */
function credentialScript({ credentials }: ContainerRequest): string {
  const quoted = (...parts: string[]) => `'${join(...parts)}'`
  const failed =
    '{ echo "mayfly: the image has no mkdir and ln, by which the credentials of the step come into its home" >&2; exit 125; }'
  return (credentials?.paths ?? [])
    .map(
      (path) =>
        `mkdir -p ${quoted(homeInside, dirname(path))} && ln -s ${quoted(credentialsInside, path)} ${quoted(homeInside, path)} || ${failed}\n`,
    )
    .join('')
}

/** Set by the shell inside: the engine itself never has the step's environment. The image's PATH stays unless the step names one. */
function environmentScript(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
}

function signalTo(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
