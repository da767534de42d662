/** Half open, in UTF-16 code units of the file's text: `text.slice(start, end)` is what stands there. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A word, script or value of the file. */
export interface Text {
  /** What it means: escapes, folding and anchors resolved. */
  readonly value: string
  /** Where it is written, quotes and block header included. Of a value reached through an alias that is the anchor's own place. */
  readonly span: Span
  /** The alias (`*name`) by which it was reached: what is written at `span` then serves other places, too. */
  readonly via?: Span
}

export const ciNames = [
  'github',
  'forgejo',
  'gitlab',
  'azure',
  'buildkite',
  'circleci',
  'bitbucket',
  'jenkins',
] as const

export type CiName = (typeof ciNames)[number]

/** What a file is to its CI: a pipeline that starts by itself, an action of its own, or what another file includes. */
export type FileRole = 'pipeline' | 'action' | 'included'

/** A name with a value: a variable of the environment, an input of an action, a parameter of a task. */
export interface Entry {
  readonly key: Text
  /** Undefined where it is a list or a mapping. */
  readonly value: Text | undefined
  /** From the key to the end of the value. */
  readonly span: Span
}

export type ReferenceKind =
  | 'action'
  | 'workflow'
  | 'image'
  | 'include'
  | 'component'
  | 'template'
  | 'repository'
  | 'task'
  | 'orb'
  | 'pipe'
  | 'plugin'
  | 'library'

/**
 * How firmly it names what it takes. `digest`: a full commit or a digest; `exact`: a version that its registry never gives to something
 * else; `version`: a tag, which its owner can move; `floating`: a branch, `latest`, or nothing; `local`: a file of this checkout;
 * `dynamic`: an expression decides.
 */
export type Pin = 'digest' | 'exact' | 'version' | 'floating' | 'local' | 'dynamic'

/** Something that is taken from elsewhere and runs. */
export interface Reference {
  readonly kind: ReferenceKind
  readonly text: Text
  readonly name: string
  readonly version?: string
  readonly pin: Pin
}

export type AccessLevel = 'none' | 'read' | 'write'

export interface Permissions {
  readonly span: Span
  /** `read-all`, `write-all`, `{}`. */
  readonly all?: AccessLevel
  readonly scopes: readonly { readonly name: string; readonly level: AccessLevel; readonly span: Span }[]
}

/** An identity token (OIDC) that the job asks for. */
export interface IdentityToken {
  readonly span: Span
  readonly name?: string
  readonly audiences: readonly string[]
}

export interface Trigger {
  /** As the CI calls it: `pull_request_target`, `merge_request_event`, `schedule`. */
  readonly name: string
  readonly span: Span
}

export interface Runner {
  readonly labels: readonly string[]
  readonly span: Span
  /** A machine of one's own; undefined where the file does not tell. */
  readonly selfHosted: boolean | undefined
}

export interface Step {
  readonly name?: Text
  readonly span: Span
  /** `before_script`, `script`, `after_script`, `run`, `uses`: the key under which it stands. */
  readonly phase: string
  /** Its commands in order: one block for GitHub, one entry of the list for GitLab. */
  readonly commands: readonly Text[]
  /** The node that holds the commands (a block scalar, a list). */
  readonly script?: Span
  readonly uses?: Reference
  /** `with`, `inputs`, parameters of an orb's command or of a plugin; a nested name is joined with a dot. */
  readonly inputs: readonly Entry[]
  readonly environment: readonly Entry[]
  readonly condition?: Text
  readonly shell?: string
}

export interface Job {
  readonly id: string
  readonly key: Span
  readonly span: Span
  /** Where else it is asked for: the workflows of CircleCI name jobs that stand under `jobs`. */
  readonly calls?: readonly Span[]
  readonly runner?: Runner
  readonly images: readonly Reference[]
  readonly environment: readonly Entry[]
  readonly permissions?: Permissions
  readonly identityTokens: readonly IdentityToken[]
  /** A reusable workflow, a template, or the job of an orb that it is made from. */
  readonly uses?: Reference
  readonly inputs: readonly Entry[]
  /** Secrets handed to what `uses` names. */
  readonly passedSecrets: readonly Entry[]
  readonly triggers: readonly Trigger[]
  readonly condition?: Text
  /** The environment that it deploys to. */
  readonly deployment?: Text
  readonly needs: readonly string[]
  /** Not run by itself: GitLab's `.template`. */
  readonly isTemplate: boolean
  readonly steps: readonly Step[]
}

/**
 * Where the secret is kept. `secret`: the CI's secrets by name; `all`: every one of them at once (`inherit`, `toJSON(secrets)`);
 * `variable`: a variable whose name says that it is one; `group`, `context`, `deployment`: a set of them; `credential`: an entry of
 * Jenkins' credential store, or a service connection; `file`: a secure file; `external`: a vault that the CI itself asks.
 */
export type SecretStore =
  | 'secret'
  | 'all'
  | 'variable'
  | 'group'
  | 'context'
  | 'deployment'
  | 'credential'
  | 'file'
  | 'external'

export interface SecretReference {
  readonly name: string
  readonly store: SecretStore
  /** The words that name it: `secrets.NPM_TOKEN` without its braces, `$NPM_TOKEN`. */
  readonly span: Span
  /** False where its name alone says that it is a secret. */
  readonly certain: boolean
  /** The variable or input that takes it. */
  readonly target?: string
  /** In a command: its value is text of a shell. */
  readonly inCommand: boolean
  readonly job?: string
  /** Index in the job's steps. */
  readonly step?: number
}

/** What of a file was not read, and why. */
export interface ReadProblem {
  readonly message: string
  readonly span: Span
  /** The file is whole, and a program or expression in it decides. */
  readonly isUnclear?: true
}

export interface PipelineFile {
  /** Relative to the checkout, with `/`. */
  readonly path: string
  readonly ci: CiName
  readonly role: FileRole
  readonly text: string
  readonly triggers: readonly Trigger[]
  readonly environment: readonly Entry[]
  readonly permissions?: Permissions
  readonly jobs: readonly Job[]
  /** Of the file as a whole: includes, orbs, libraries, repositories, default images. */
  readonly references: readonly Reference[]
  readonly secrets: readonly SecretReference[]
  /** Nothing of a file with problems may be taken to be clean. */
  readonly problems: readonly ReadProblem[]
}
