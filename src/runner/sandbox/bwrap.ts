import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import {
  aptConfigInside,
  aptConfigNestedInside,
  aptFolder,
  caBundleInside,
  caInside,
  containersFolder,
  credentialsInside,
  emptyFile,
  emptyFolder,
  handedFile,
  homeInside,
  javaTrustFile,
  knownHostsFile,
  knownHostsInside,
  scriptFile,
  scriptInside,
  settingsFolder,
  settingsInside,
} from './inside.ts'
import { etcMounts } from './etc-files.ts'
import { initScript } from './init.ts'
import { kernelFileMounts } from './kernel-files.ts'
import { landlockText } from './landlock.ts'
import type { SandboxPlan } from './plan.ts'
import { socketMounts } from './socket-mounts.ts'
import { systemCalls } from './system-calls.ts'
import { coverMounts, workspaceMounts } from './workspace-mounts.ts'

const agents = [
  '/opt/actions-runner',
  '/opt/runner',
  '/opt/gitlab-runner',
  '/opt/buildkite-agent',
  '/opt/circleci',
]

/** Writable, and gone with the step. */
const memoryFolders = ['/tmp', '/run', '/var/tmp', homeInside]

const systemBundle = '/etc/ssl/certs/ca-certificates.crt'

/** The command line of bwrap; its options come from `optionsFd`. */
export function bwrapArguments(plan: SandboxPlan): string[] {
  const { channelFd, environmentFd, optionsFd, command } = plan
  const { prctl, prlimit, unshare, getrusage, statfs } = systemCalls()
  const own = [
    ...[channelFd, environmentFd, prctl, prlimit, getrusage, statfs].map(String),
    ['/dev/shm', ...memoryFolders].join(':'),
    plan.joinFds.join(','),
    plan.processLimits.map(([resource, value]) => `${resource}=${value}`).join(','),
    readlinkSync('/proc/self/ns/net'),
    landlockText(plan.landlock),
    String(plan.nesting ? unshare : 0),
    plan.ownProcesses ? '0' : '1',
  ]
  const init = ['/usr/bin/perl', '-e', initScript, ...own]
  return ['--args', String(optionsFd), '--', ...init, ...command]
}

/** The step's environment as the init script reads it: `NAME=value`, each ended by NUL. Throws `bad_input` for a NUL. */
export function environmentBlock(env: Readonly<Record<string, string>>): Buffer {
  return endedByNul(Object.entries(env).map(([name, value]) => `${name}=${value}`))
}

/**
 * The options of bwrap, as `--args` reads them: each ended by NUL. Namespaces, no capability, no environment but
 * the plan's, the step's own network with `lo` only. They are not on the command line, where every user of the
 * machine could read the step's environment.
 */
export function bwrapOptions(plan: SandboxPlan): Buffer {
  const options = [
    ...isolationFlags(plan),
    ...['--uid', String(plan.user.uid), '--gid', String(plan.user.gid)],
    ...['--seccomp', String(plan.seccompFd)],
    ...systemMounts(join(plan.files, emptyFile)),
    ...processMounts(plan),
    ...['--dev', '/dev', ...memoryFolder(plan, '/dev/shm'), '--remount-ro', '/dev'],
    ...kernelFileMounts(join(plan.files, emptyFile), join(plan.files, emptyFolder)),
    ...memoryFolders.flatMap((path) => memoryFolder(plan, path)),
    ...fileMounts(plan.files),
    ...(plan.script === undefined ? [] : ['--ro-bind', join(plan.files, scriptFile), scriptInside]),
    ...(plan.nesting ? nestingMounts(plan) : []),
    ...credentialMounts(plan),
    ...plan.handed.flatMap((inside, i) => ['--bind', join(plan.files, handedFile(i)), inside]),
    ...plan.tools.flatMap((path) => ['--ro-bind', path, path]),
    ...plan.javaTrust.flatMap((path) => ['--ro-bind', join(plan.files, javaTrustFile), path]),
    ...['--bind', plan.workspace, plan.workspaceInside],
    ...(plan.protections === undefined ? [] : workspaceMounts(plan, plan.protections)),
    ...coverMounts(plan),
    ...plan.folders.flatMap(({ outside, inside }) => ['--bind', outside, inside]),
    ...socketMounts({ ...plan, tools: ['/usr', '/opt', ...plan.tools] }),
    ...['--remount-ro', '/', '--chdir', plan.workspaceInside],
  ]
  return endedByNul(options)
}

/** As links into one folder, in which a file can be replaced at once: over a file that is mounted itself nobody could put another. */
function credentialMounts({ credentials }: SandboxPlan): string[] {
  if (credentials === undefined) return []
  const links = credentials.paths.flatMap((path) => [
    '--symlink',
    join(credentialsInside, path),
    join(homeInside, path),
  ])
  return ['--ro-bind', credentials.folder, credentialsInside, ...links]
}

/** What container tools look for: a /sys to hand on, a folder for their caches. */
function nestingMounts(plan: SandboxPlan): string[] {
  return [
    '--ro-bind',
    join(plan.files, 'apt-nested.conf'),
    aptConfigNestedInside,
    '--dir',
    '/sys/fs/cgroup',
    ...memoryFolder(plan, '/var/cache'),
  ]
}

function memoryFolder({ memoryFolderBytes: bytes }: SandboxPlan, path: string): string[] {
  return [...(bytes === undefined ? [] : ['--size', String(bytes)]), '--tmpfs', path]
}

// A NUL in a path or a variable would end it early, and what follows would be the next option.
function endedByNul(texts: readonly string[]): Buffer {
  const odd = texts.find((text) => text.includes('\0'))
  if (odd !== undefined)
    throw new MayflyError(
      'bad_input',
      `a NUL in ${JSON.stringify(odd.slice(0, 80))}: a path or variable cannot hold one`,
    )
  return Buffer.from(texts.map((text) => `${text}\0`).join(''))
}

export function isolationFlags({
  disableUserns,
  network,
  ownProcesses,
  ownHostName,
}: Pick<SandboxPlan, 'disableUserns' | 'network' | 'ownProcesses' | 'ownHostName'>): string[] {
  return [
    ...['--unshare-user', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(ownProcesses ? ['--unshare-pid', '--as-pid-1'] : []),
    // Else it is in the step's own network already (guard.ts).
    ...(network === 'bwrap' ? ['--unshare-net'] : []),
    ...['--new-session', '--die-with-parent', '--cap-drop', 'ALL', '--clearenv'],
    ...(ownHostName ? ['--hostname', 'mayfly'] : []),
    ...(disableUserns ? ['--disable-userns'] : []),
  ]
}

/** A fresh /proc, or the container's own, which nobody there may mount anew: read-only, masked as the container has it. */
export function processMounts({ ownProcesses }: Pick<SandboxPlan, 'ownProcesses'>): string[] {
  return ownProcesses ? ['--proc', '/proc'] : ['--ro-bind', '/proc', '/proc']
}

export function systemMounts(emptyFile: string): string[] {
  const roots = readdirSync('/').filter((name) => /^(?:bin|sbin|lib(?:32|64|x32)?)$/.test(name))
  return [
    ...['--ro-bind', '/usr', '/usr', '--ro-bind-try', '/opt', '/opt'],
    // CI agents live in /opt, with the credentials of their registration.
    ...agents.filter((path) => existsSync(path)).flatMap((path) => ['--tmpfs', path]),
    ...roots.flatMap((name) => {
      const path = `/${name}`
      return lstatSync(path).isSymbolicLink()
        ? ['--symlink', readlinkSync(path), path]
        : ['--ro-bind', path, path]
    }),
    ...etcMounts(emptyFile),
  ]
}

function fileMounts(files: string): string[] {
  const generated = {
    passwd: '/etc/passwd',
    group: '/etc/group',
    hosts: '/etc/hosts',
    'nsswitch.conf': '/etc/nsswitch.conf',
    'apt.conf': aptConfigInside,
    ...(existsSync(join(files, knownHostsFile)) ? { [knownHostsFile]: knownHostsInside } : {}),
    'ca.pem': caInside,
    'ca-bundle.pem': caBundleInside,
    [aptFolder]: '/etc/apt',
    [containersFolder]: '/etc/containers',
  }
  const mounts = Object.entries(generated).flatMap(([name, inside]) => [
    '--ro-bind',
    join(files, name),
    inside,
  ])
  // Tools change their own settings (kubectl config use-context, aws configure set): these are the step's alone.
  mounts.push('--bind', join(files, settingsFolder), settingsInside)
  // The keys by which it checks them, and nothing else of it.
  for (const name of ['keyrings', 'trusted.gpg.d'])
    mounts.push('--ro-bind-try', `/etc/apt/${name}`, `/etc/apt/${name}`)
  const hasBundle = lstatSync(systemBundle, { throwIfNoEntry: false })?.isFile() === true
  return hasBundle ? [...mounts, '--ro-bind', join(files, 'ca-bundle.pem'), systemBundle] : mounts
}
