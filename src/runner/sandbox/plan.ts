import type { Cover, Protections } from '../workspace/index.ts'
import type { LandlockRule } from './landlock.ts'
import type { ProcessLimit } from './limits/index.ts'

/** What the sandbox of one step is made of. Paths are the host's unless the name says otherwise. */
export interface SandboxPlan {
  readonly workspace: string
  /** Where the step sees it. */
  readonly workspaceInside: string
  /** What is to be protected in it; undefined: nothing. */
  readonly protections: Protections | undefined
  /** What it sees in place of files of the workspace. */
  readonly covers: readonly Cover[]
  /** Files that the step may write to and nothing else of the host: where it sees them. */
  readonly handed: readonly string[]
  /** Further folders that it may write to, and where it sees them. */
  readonly folders: readonly { readonly outside: string; readonly inside: string }[]
  readonly credentials: CredentialFiles | undefined
  /** Folder of generated files: passwd, group, hosts, nsswitch.conf, the CA files. */
  readonly files: string
  /** Further folders that the step may read, at the same path. */
  readonly tools: readonly string[]
  /** Files that Java's programs read their trusted authorities from; the step sees one with the run's CA there. */
  readonly javaTrust: readonly string[]
  readonly command: readonly string[]
  /** Is in the folder of generated files, for the command to read. */
  readonly script?: string
  /** File descriptors in the child: Node's IPC channel, the filter, bwrap's options, the step's environment. */
  readonly channelFd: number
  readonly seccompFd: number
  readonly optionsFd: number
  readonly environmentFd: number
  /** To control groups that the first process joins. */
  readonly joinFds: readonly number[]
  /** None for a step that may mount. */
  readonly landlock: readonly LandlockRule[]
  readonly processLimits: readonly ProcessLimit[]
  /** What each folder in memory may hold; as the kernel has it where bubblewrap cannot say (`--size`, from 0.7 on). */
  readonly memoryFolderBytes: number | undefined
  /** It may make namespaces of its own, and starts in one. */
  readonly nesting: boolean
  /** Who the step is inside. */
  readonly user: { readonly uid: number; readonly gid: number }
  /** `--disable-userns` is there from bubblewrap 0.8 on; the filter refuses new namespaces in any case. */
  readonly disableUserns: boolean
  readonly network: NetworkMaker
  /** It has processes and a /proc of its own; false where a container lets nobody mount one (tier C). */
  readonly ownProcesses: boolean
  /** `--size` is there (bubblewrap 0.7). */
  readonly sizedFolders: boolean
  /** Its host is called mayfly; false where a container's filter lets nobody say so (podman's): it sees the container's name. */
  readonly ownHostName: boolean
}

/** What a step is handed of credentials. */
export interface CredentialFiles {
  /** Outside, in memory, for this user alone. */
  readonly folder: string
  /** Of its files, in the folder as in the step's home. */
  readonly paths: readonly string[]
}

/** Who makes the step's network namespace: the guard in front of bubblewrap; or bubblewrap, where it alone may (AppArmor). */
export type NetworkMaker = 'guard' | 'bwrap'

/** Where the step finds its ways out: everything else of its network answers nothing. */
export interface SandboxDoors {
  /** Addresses and ports in its network that are listened at, `127.64.0.1:443` or `[::1]:5432`. */
  readonly places: readonly string[]
  /** What it sees as /etc/hosts. */
  readonly hosts: string
}
