import type { PipelineFile, Reference, SecretReference, Span } from '../model.ts'
import type { Edit } from './edits.ts'

/** What is known of the project whose pipelines are moved. */
export interface Project {
  /** Where Mayfly's server is. */
  readonly server: string
  readonly repository: RepositoryFacts
  /** How a job gets Mayfly, if its machine does not have it: the lines of a shell. */
  readonly install?: string
  /** Names of the packages that the checkout is the source of, by the kind of their registry. */
  readonly packages: Packages
  /** Where the checkout's files say that registries are, if not where everybody's are. */
  readonly registries?: readonly RegistryPlace[]
  /** Full commits and digests that are known of what versions name; see `pinKey`. */
  readonly pins: ReadonlyMap<string, string>
  /** Also in files of which no secret is moved. */
  readonly pinsEverywhere?: boolean
  /** What the job has made of Git before: branches and tags. */
  readonly refs?: MadeRefs
  /** How the jobs before send the credential of a connection, in JSON by its name: it has one. */
  readonly ways?: Map<string, string>
  /** Files that the CI reads as one with the one that is moved. */
  readonly beside?: readonly PipelineFile[]
  /** Roles whose jobs are left as they are, and why. */
  readonly stays?: ReadonlyMap<string, Pick<Kept, 'why' | 'instead'>>
  /** What roles ask for beside the rest, so that jobs of others cannot assume them. */
  readonly asks?: ReadonlyMap<string, ReadonlySet<Ask>>
  /** Names of roles that other files have. */
  readonly taken?: ReadonlySet<string>
}

/** `workflow`: the file that has the job. `no-environment`: that the job has none, as the subject of GitHub's token says. */
export type Ask = 'workflow' | 'no-environment'

/** Names as the scripts write them, variables and all. */
export interface MadeRefs {
  readonly tags: ReadonlySet<string>
  readonly branches: ReadonlySet<string>
}

/** Where a file, a variable or an action says that the registry of a connection is: not where everybody's is. */
export interface RegistryPlace {
  readonly connection: string
  /** Undefined: it is another one, and which one nothing says. */
  readonly url: string | undefined
  /** Only of what is published. */
  readonly isForPublishing?: true
}

/** Packages that a checkout is the source of, by the kind of their registry. */
export type Packages = Readonly<Record<string, readonly Package[]>>

export interface Package {
  readonly name: string
  /** Of its next versions, as grants write them: `1.*`. */
  readonly versions: string
}

export interface RepositoryFacts {
  /** `https://github.com`. */
  readonly host: string
  /** OWNER/NAME, or GROUP/.../PROJECT. */
  readonly path: string
  readonly defaultBranch: string
  /** As the CI's tokens say it; undefined if nobody has said it. */
  readonly id?: string
  readonly ownerId?: string
}

/** Something that a step reaches by Mayfly, as a grant says it. */
export interface Need {
  /** The name of a connection; its table is connections.ts. */
  readonly connection: string
  /** `https://ghcr.io`: where it is, if the connection's name does not say. */
  readonly url?: string
  /** What the script says of where it is, if no address comes of it: `$DB_HOST`. */
  readonly place?: string
  /** How the script sends the credential, where its kind does not say. */
  readonly way?: Way
  /** The secrets of the CI by which the script reached it. */
  readonly by?: readonly string[]
  /** `npm:publish`. */
  readonly action: string
  readonly path?: string
  readonly ref?: string
  readonly writes: boolean
  /** What asks for it does so with a credential, also where it only reads. */
  readonly needsLogin?: true
}

/** What the gateway adds to requests, and what the secret of it holds, for whoever stores it. */
export interface Way {
  /** The kind of the credential as mayfly.yaml writes it. `header`: a header of that name, with a text in front of the secret. */
  readonly credential: 'basic' | 'bearer' | { readonly header: string; readonly prefix?: string }
  readonly holds: string
}

/** A host that a step reaches without a credential: `cdn.example.org:443`. */
export type Host = string

/** What could not be moved. */
export interface Kept {
  readonly span: Span
  /** What it is: `secrets.NPM_TOKEN`, `docker/build-push-action`. */
  readonly what: string
  readonly why: string
  readonly instead?: string
}

/** Who may assume a role: names of `trust` with their values, of which one of `any` must hold, too. */
export interface TrustRule {
  readonly all: Readonly<Record<string, string>>
  readonly any: readonly Readonly<Record<string, string>>[]
}

export interface MovedRole {
  readonly name: string
  readonly description: string
  readonly trust: TrustRule
  readonly needs: readonly Need[]
  readonly hosts: readonly Host[]
  readonly allow: readonly string[]
}

/** A secret of the CI that a connection's credential takes the place of. */
export interface MovedSecret {
  readonly reference: SecretReference
  readonly connection: string
}

/** What is to be done with one file. */
export interface Migration {
  readonly file: PipelineFile
  readonly edits: readonly Edit[]
  readonly roles: readonly MovedRole[]
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
  /** Actions and images that no digest is known of. */
  readonly unpinned: readonly Reference[]
  /** What whoever applies it should know. */
  readonly notes: readonly string[]
}

export { standIn } from '../stand-in.ts'
