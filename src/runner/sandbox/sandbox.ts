import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, unlinkSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError } from '../../lib/index.ts'
import { isClosedToOthers, readInside, type Cover } from '../workspace/index.ts'
import { bwrapArguments, bwrapOptions, environmentBlock } from './bwrap.ts'
import { countDirectAttempts, type AttemptCounter } from './direct-attempts.ts'
import { makeDoorsInside } from './enter.ts'
import { userInside, writeSandboxFiles, writtenFolders } from './files.ts'
import { guarded } from './guard.ts'
import { handedFile } from './inside.ts'
import { landlockRules } from './landlock.ts'
import {
  holdStep,
  memoryFolderBytes,
  processLimits,
  type Hold,
  type Places,
  type StepLimits,
} from './limits/index.ts'
import { nestingEnvironment } from './nesting.ts'
import { sweepOwnFolders } from './own-folder.ts'
import type { CredentialFiles, NetworkMaker, SandboxDoors, SandboxPlan } from './plan.ts'
import { guardWorkspace } from './put-back.ts'
import type { Running } from './running.ts'
import {
  closeInherited,
  endKept,
  endStrays,
  initOf,
  keeperOf,
  killMarked,
  killSandbox,
  markOf,
  signalCommand,
  untilGone,
  type Keeper,
  type ProcessMark,
} from './process-tree.ts'
import { seccompFilter, type FilterRights } from './seccomp.ts'
import { endOf, openStreams, type StepStreams } from './streams.ts'
import { usageOf } from './usage.ts'

export interface SandboxRequest {
  readonly workspace: string
  /** Nobody but this step has written to it or will: nothing in it is protected. */
  readonly isOwnWorkspace?: boolean
  /** Files that this job obeys while it runs: what of them is in the workspace no step changes. */
  readonly inUse?: readonly string[]
  /** Where the step sees it; at the same path if left out. */
  readonly workspaceInside?: string
  readonly tools: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  /** It finds this in the file `scriptInside`. */
  readonly script?: string
  readonly caCertificate: string
  /** Trust stores of Java that the step sees (java-trust.ts): they have the run's CA, too. */
  readonly javaTrust?: readonly string[]
  /** Of SSH, as its known_hosts. */
  readonly knownHosts?: string
  /** Files that it sees in `settingsInside`. */
  readonly settings?: readonly { readonly name: string; readonly text: string }[]
  /** Files that it finds in its home, read-only, from a folder outside: what is written there in its lifetime it sees, too. */
  readonly credentials?: CredentialFiles | undefined
  readonly disableUserns: boolean
  /** What it sees in place of files of the workspace. */
  readonly covers: readonly Cover[]
  /** Further folders that it may write to, and where it sees them. */
  readonly folders?: SandboxPlan['folders']
  /** Files that it may write to, for its supervisor to read at the end: where it sees them. */
  readonly handed?: readonly string[]
  /** Else it reads /dev/null. */
  readonly withStdin: boolean
  /** Standard output and error are one pipe. */
  readonly merged?: boolean
  readonly limits: StepLimits
  /** It may make namespaces and mounts of its own, as rootless container builds do. */
  readonly nesting?: boolean
  /** Where a control group is made for it; found if left out. */
  readonly places?: Places
  /** Called once it is set up; the command begins when it resolves. At once if left out. */
  readonly mayBegin?: () => Promise<void>
  /** Path of bubblewrap, as the probe found it. */
  readonly bwrap: string
  readonly network: NetworkMaker
  /** Else it is tier C: the processes around it are seen (keeper.ts). */
  readonly ownProcesses: boolean
  readonly sizedFolders: boolean
  readonly ownHostName: boolean
  readonly doors: SandboxDoors
}

export interface Sandbox extends Running {
  /** Called with each listening socket and its place, as `SandboxDoors` names it. Before the command starts. */
  onListener(accept: (listener: Server, place: string) => void): void
}

/** Exit code when Mayfly itself could not run the command (as `docker run` and `env` have it), or the server ended it. */
export const notStartedExitCode = 125

/** Starts the command in its sandbox. Everything made for it is gone when it ends. */
export function startSandbox(request: SandboxRequest): Sandbox {
  accessSync(request.bwrap, constants.X_OK)
  using made = new DisposableStack()
  const handed = request.handed ?? []
  const nesting = request.nesting === true
  if (nesting) refuseOpenNesting(request)
  const files = made.use(writeSandboxFiles(request, handed.length, nesting))
  closeInherited()
  const streams = openStreams(request.withStdin, request.merged)
  made.defer(() => streams.close())
  const hold = holdStep(request.limits, request.places)
  // It has no process of its own until it is spawned.
  made.defer(() => void hold.end())
  const protections =
    request.isOwnWorkspace === true
      ? undefined
      : made.use(guardWorkspace(request.workspace, request.inUse ?? [])).protections
  const inside = request.workspaceInside ?? request.workspace
  const plan: SandboxPlan = {
    ...request,
    workspaceInside: inside,
    protections,
    handed,
    folders: request.folders ?? [],
    credentials: request.credentials,
    javaTrust: request.javaTrust ?? [],
    files: files.folder,
    channelFd: 3,
    seccompFd: 4,
    optionsFd: 5,
    environmentFd: 6,
    joinFds: hold.joins.map((_fd, i) => 7 + i),
    disableUserns: request.disableUserns && !nesting,
    nesting,
    user: userInside(nesting),
    landlock: nesting
      ? []
      : landlockRules([inside, ...(request.folders ?? []).map((folder) => folder.inside)]),
    processLimits: processLimits(request.limits, hold.by),
    memoryFolderBytes: request.sizedFolders ? memoryFolderBytes(request.limits, hold.by) : undefined,
  }
  const child = spawnBwrap(request, plan, streams, hold.joins)
  void sweepOwnFolders()
  const written = new Map<string, string | undefined>()
  const standing = made.move()
  const cleanUp = () => {
    for (const [i, inside] of handed.entries())
      written.set(inside, readInside(files.folder, handedFile(i), maxHandedBytes))
    standing.dispose()
  }
  return {
    ...supervised(child, streams, hold, request, cleanUp),
    writes: writtenFolders(request, files.folder),
    written: () => written,
  }
}

/** As much as GitHub takes of a step's summary. */
const maxHandedBytes = 1_048_576

/**
 * A set-id bit is harmless where nobody reaches the file but its owner and root. Container images have such files, folders
 * that a group shares the one for groups; root's own step gets neither without a need.
 */
function rightsOf(request: SandboxRequest): FilterRights {
  const { nesting = false } = request
  const closed = isClosed(request)
  return {
    nesting,
    setGid: closed && (nesting || process.getuid?.() !== 0),
    setUid: closed && nesting,
  }
}

function isClosed({ workspace, folders = [] }: SandboxRequest): boolean {
  return [workspace, ...folders.map(({ outside }) => outside)].every(isClosedToOthers)
}

/**
 * Root's step that may nest has an overlay copy a set-user-id program of the machine into its folders, with the bit, past the
 * filter; and what it then writes there anybody who reaches it runs as root. An ordinary user's cannot: in its namespace root's
 * files have no owner, and the copy fails.
 */
function refuseOpenNesting(request: SandboxRequest): void {
  if (process.getuid?.() !== 0 || isClosed(request)) return
  throw new MayflyError(
    'bad_input',
    `a step in a role with allow: [nested-namespaces] does not run as root in ${request.workspace}, which other users of this machine reach: close a folder above it (chmod 700), give the step \`workspace: fresh\`, or run as an ordinary user`,
  )
}

function spawnBwrap(
  request: SandboxRequest,
  plan: SandboxPlan,
  streams: StepStreams,
  joins: readonly number[],
): ChildProcess {
  const handed: number[] = []
  const hand = (name: string, content: Buffer) => {
    const fd = openFile(join(plan.files, name), content)
    handed.push(fd)
    return fd
  }
  try {
    const filter = hand('filter', seccompFilter(rightsOf(request)))
    const options = hand('options', bwrapOptions(plan))
    const environment = hand(
      'environment',
      environmentBlock(plan.nesting ? { ...nestingEnvironment, ...request.env } : request.env),
    )
    return spawn(...startCommand(request, plan), {
      stdio: [...streams.theirs, 'ipc', filter, options, environment, ...joins],
      // Nothing of the supervisor's environment: bwrap clears it for the step, and needs none itself.
      env: {},
      // Ctrl-c goes to every process of the terminal's group: the supervisor says when the sandbox ends.
      detached: true,
    })
  } finally {
    for (const fd of handed) closeSync(fd)
    streams.handedOn()
  }
}

function startCommand({ bwrap, network, doors }: SandboxRequest, plan: SandboxPlan): [string, string[]] {
  const args = bwrapArguments(plan)
  return network === 'bwrap' ? [bwrap, args] : guarded(bwrap, args, { ...doors, channelFd: plan.channelFd })
}

function supervised(
  child: ChildProcess,
  streams: StepStreams,
  hold: Hold,
  { network, doors, mayBegin, ownProcesses }: SandboxRequest,
  cleanUp: () => void,
): Omit<Sandbox, 'written' | 'writes'> {
  const lives = () => child.exitCode === null && child.signalCode === null
  let attempts: AttemptCounter | undefined
  let first: ProcessMark | undefined
  let keeper: Keeper | undefined
  let hasStarted = false
  let fault: unknown
  let accept: (listener: Server, place: string) => void = (listener) => listener.close()
  const take = (place: unknown, handle: unknown) => {
    if (handle !== undefined) accept(handle as Server, String(place))
  }
  const kill = () => {
    hold.kill()
    // The keeper takes the end of bubblewrap for the end of all; until it stands, nothing of the step has begun.
    if (keeper !== undefined) return endKept(keeper)
    if (child.pid !== undefined && lives()) killSandbox(child.pid)
    // However bwrap may have ended before: what it started does not stay.
    else if (first !== undefined) killMarked(first)
  }
  // The kernel may take its time for a move: it has as long as bwrap needs for the rest.
  const admitting = child.pid === undefined ? undefined : hold.admit(child.pid)
  admitting?.catch(() => undefined)
  const stands = () => {
    const init = child.pid === undefined ? undefined : initOf(child.pid)
    first = init === undefined ? undefined : markOf(init)
    keeper = ownProcesses ? undefined : first && keeperOf(first)
    attempts = init === undefined ? undefined : countDirectAttempts(init)
    // Once everybody has taken what came with the message: the command begins. If there is nobody any more, it does not.
    const begin = () =>
      setImmediate(() => {
        hasStarted = true
        child.send('go', () => undefined)
      })
    const enter = async () => {
      await admitting
      if (init === undefined) return
      await hold.admit(init)
      if (network === 'bwrap') await makeDoorsInside(init, doors.places, take)
    }
    enter()
      .then(mayBegin)
      .then(begin, (error: unknown) => {
        fault = error
        kill()
      })
  }
  let lastWord: unknown
  const silent = new Promise<void>((resolve) => child.once('disconnect', resolve))
  child.on('message', (message, handle) => {
    if (handle !== undefined) return take(message, handle)
    if (message === 'stands') stands()
    else lastWord = message
  })
  // bwrap ends as soon as it knows the exit code; its child, and all below it, may run on for a moment.
  const allGone = async (code: number) => {
    if (first !== undefined) await untilGone(first)
    if (keeper !== undefined) await endStrays(keeper)
    await hold.end()
    // What it said last may still be on the way; nobody is there any more who could say something else.
    if (child.connected) await Promise.race([silent, sleep(lastWordMs, undefined, { ref: false })])
    if (fault === undefined) return hasStarted ? code : notStartedExitCode
    if (fault instanceof MayflyError) throw fault
    throw new MayflyError('isolation_unavailable', 'the step cannot be put into its control group', {
      cause: fault,
    })
  }
  return {
    ...streams,
    onListener(listen) {
      accept = listen
    },
    exit: endOf(child, streams).then(allGone).finally(cleanUp),
    hasStarted: () => hasStarted,
    signal: (name) => child.pid !== undefined && lives() && signalCommand(child.pid, name),
    kill,
    directAttempts() {
      const counted = attempts?.read()
      attempts?.close()
      attempts = undefined
      return counted
    },
    heldBy: hold.by,
    passedLimit: () => hold.passed(),
    used: () => usageOf(lastWord, hold.usage()),
    firstProcess: () => first?.pid,
  }
}

const lastWordMs = 500

/** A file that only this user can read, open for reading and already without a name. */
function openFile(path: string, content: Buffer): number {
  writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
  const fd = openSync(path, 'r')
  unlinkSync(path)
  return fd
}
