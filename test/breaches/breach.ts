import type { Catch } from './internet.ts'

/** One way it happened: the program of the attacker, run as a job has it, and run in a step. */
export interface Breach {
  /** By which it is asked for. */
  readonly number: number
  readonly name: string
  readonly wanted: string
  /** Jobs, one after the other: most need one. */
  readonly jobs: readonly Job[]
  /** What of it the attacker got: in a job's output, its workspace and home, at the hosts, on the Git server. */
  readonly got: (seen: Seen) => boolean
  /** What the record has to say, of this case alone: text in one entry. */
  readonly recorded: readonly RegExp[]
}

export interface Job {
  /** bash; the same inside and outside. */
  readonly program: string
  /** The role that it runs in; outside it has all that the job has. */
  readonly role: 'build' | 'release' | 'deploy'
  /** Claims of its identity token, where they are others than a push to main has. */
  readonly claims?: Readonly<Record<string, string>>
  /** Variables of the job, beside the credentials that every job of the victim has; they are handed on to the step. */
  readonly variables?: Readonly<Record<string, string>>
  /** A folder of the workspace that is kept between jobs. */
  readonly cache?: string
  /** Files that are in the workspace when it begins. */
  readonly files?: Readonly<Record<string, string>>
  /** The workspace is a clone of the victim's repository, with the credential that the checkout left. */
  readonly clone?: true
  /** Steps of a pipeline file, each a program; instead of `program`. */
  readonly steps?: readonly string[]
}

/** What there is to see when a case has run. */
export interface Seen {
  readonly side: 'outside' | 'inside'
  /** `case-NN`, by which what arrived is told apart. */
  readonly mark: string
  /** Of all its jobs. */
  readonly output: string
  /** Arrived by this case: at this host, or as `published`, `repository`, `shell`, `name server`. */
  readonly arrived: (by: string) => readonly Catch[]
  /** A file of the last job's workspace, or of its home (`~/`); empty if it is not there. */
  readonly file: (path: string) => string
  /** git, in a repository of the Git server of this side. */
  readonly git: (repository: string, ...args: string[]) => string
  readonly secrets: Secrets
}

/** What the attackers are after. */
export interface Secrets {
  /** Password on the Git host. */
  readonly git: string
  readonly npm: string
  /** In the environment of another program of the same user: the CI's agent. */
  readonly agent: string
  /** A file of a private repository. */
  readonly payroll: string
}
