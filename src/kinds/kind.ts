import type { SampledForm } from '../lib/index.ts'

/**
 * One kind of connection, as data: what its operations are called, what each of them names, and how a step's tools are told
 * of it. Configuration, policy, gateway and runner read it; nothing else about a kind stands outside of its folder in `gateway/`.
 */
export interface Kind {
  /** One sentence for the reference of mayfly.yaml. */
  readonly about: string
  /** Whether its handler is given HTTP requests, or the bytes of a connection. */
  readonly transport: 'http' | 'stream'
  /** Its resources: one spelling for each, and the policy is held against it. */
  readonly path: NamedForm
  /** What some actions name beside: a Git ref, a version, a tag. */
  readonly ref?: NamedForm
  /** What stands in a grant between its path and its ref, if not the `@`: then `*` in the one does not reach into the other. */
  readonly refMark?: '/'
  /** The one spelling of a ref behind this path, where that depends on it: another could never match. */
  readonly refBehind?: (path: string, ref: string) => string
  /** The same where it depends on a connection's settings. */
  readonly refAt?: (settings: KindSettings, ref: string) => string
  /** Where the protocol has its root on any host: a URL need not say it, and can say nothing else. */
  readonly basePath?: string
  /** Where it is, if a connection does not say. */
  readonly url?: string
  /** Of a kind of bytes: its port, where a URL names none. */
  readonly port?: number
  /** Patterns of the hosts that a connection has beside that of its URL, always by TLS on port 443; `*` is any characters. */
  readonly serves?: (settings: KindSettings, url: string) => readonly string[]
  /**
   * Of these the ones that a step's grants (as written) need, as far as they can be told: they get doors, for tools that know no
   * proxy.
   */
  readonly doors?: (connection: KnownConnection, grants: readonly string[]) => readonly string[]
  /** Its requests are signed as they are written, and names in its paths may have any character: its handler judges the target itself. */
  readonly rawTargets?: true
  /**
   * Its tools sign, or show, a stand-in that names the connection: several connections may be on one host (accounts of one
   * cloud), and its handler says by the stand-in which is meant.
   */
  readonly byStandIn?: true
  /** What people write at the end of a URL, since their tools take it so: no part of the path in front of requests. */
  readonly urlEnds?: readonly string[]
  /** Characters that its tools write as escapes (`+` as `%2B`), though they need none: both pass as they came, and its handler takes them for one. */
  readonly escapes?: string
  /** Its tools write a folder as `./`: it is left out. */
  readonly dotFolders?: true
  /** Its servers send clients on to other hosts, for files or for tokens: which of these a connection may name. */
  readonly hosts?: readonly ('storage' | 'token_host')[]
  /** Further keys that its connections take. */
  readonly settings?: readonly SettingName[]
  /** Its host may ask the gateway for a client certificate. Every kind of HTTP has that. */
  readonly clientCertificate?: true
  /** Those of them that no connection of the kind is without. */
  readonly needs?: readonly (keyof KindSettings)[]
  /** Those of them that a supervisor is told, for `variables` and `settingsFiles`: no secret, and nothing that is the operator's alone. */
  readonly tells?: readonly (keyof KindSettings)[]
  /** What it serves is signed: `http://` is enough, where there is no credential. */
  readonly signed?: true
  /** Its paths name packages: their type in package URLs. A connection may have rules of its own for them. */
  readonly ecosystem?: string
  /**
   * Its registries give a token to whoever publishes with an identity token of the CI, which a CI that has one for each audience
   * puts into this variable.
   */
  readonly publisherVariable?: string
  /** Its registries keep attestations of how files were made. */
  readonly attests?: true
  /** Its tools go to the storage hosts themselves, by addresses of an index or a lockfile: these belong to the connection. */
  readonly opensStorage?: true
  /** Which credentials its protocol has a place for; none: a connection takes none. */
  readonly credentials: readonly CredentialScheme[]
  /** By name, each of them `KIND:WORD`. */
  readonly actions: Readonly<Record<string, Action>>
  /** What a grant of this action and path pattern allows besides, somewhere else: looking whether the place is there. */
  readonly implies?: (
    action: string,
    path: string,
  ) => { readonly action: string; readonly path: string } | undefined
  /** The action that lets a WebSocket through; without one it is refused. */
  readonly webSocket?: string
  /** Environment variables by which tools find the registry or host, for a step whose role has these connections of the kind. */
  readonly variables?: (
    connections: readonly KnownConnection[],
    inside: PlacesInside,
  ) => Readonly<Record<string, string>>
  /**
   * Settings that its tools read from a file, where no variable can say them: dash hands on none whose name has more than letters,
   * digits and `_`.
   */
  readonly settingsFiles?: (
    connections: readonly KnownConnection[],
    inside: PlacesInside,
  ) => readonly SettingsFile[]
  /**
   * Files of a workspace that pin what may be installed: before the first connection of this kind the supervisor hands them over.
   * `*` in a name is any characters; with `FOLDER/` in front it is such a file in a folder of that name.
   */
  readonly lockfiles?: readonly string[]
}

export type SettingName =
  | 'push_options'
  | 'push_size'
  | 'max_bytes'
  | 'signature_keys'
  | 'sumdb'
  | 'keyring'
  | 'snapshot'
  | keyof KindSettings

/** Settings of one kind alone, as mayfly.yaml has them: its handler reads them off the connection. */
export interface KindSettings {
  /** Of a kind of bytes: `off` sends what is not on this machine in the clear. */
  readonly tls?: 'verify' | 'off' | undefined
  /** Of SSH: the keys that a host may have, as `ssh-keyscan` writes them without the host. */
  readonly host_keys?: readonly string[] | undefined
  /** Of SSH: whether recordings of sessions have what was typed, too. */
  readonly record_input?: boolean | undefined
  /** Of bytes with TLS: the name that the host is asked for by, and its certificate held against. */
  readonly sni?: string | undefined
  /** Of Redis: the number of the database, 0 if left out. */
  readonly database?: number | undefined
  /** The number of an account. */
  readonly account?: string | undefined
  /** The id of a Google Cloud project. */
  readonly project?: string | undefined
  /** The id of a tenant of Microsoft Entra ID, and of a subscription in it. */
  readonly tenant?: string | undefined
  readonly subscription?: string | undefined
  /** Regions of a cloud, the usual one first. */
  readonly regions?: readonly string[] | undefined
  /** Of a database server: which of its databases is meant by a client that names none. */
  readonly default_database?: string | undefined
  /** Of PostgreSQL: columns whose values limited sessions do not see, as `SCHEMA.TABLE.COLUMN` or `TABLE.COLUMN`. */
  readonly mask?: readonly string[] | undefined
}

/** Where a step finds what its tools' settings name. */
export interface PlacesInside {
  /** PEM of the run's certificate authority alone. */
  readonly ca: string
  /** The folder of all settings files. */
  readonly settings: string
}

/** Kept in the vault, and added by the gateway. */
export type InjectedScheme = 'basic' | 'bearer' | 'header' | 'query' | 'ssh-key'

export type CredentialScheme = InjectedScheme | IssuerName

/** Who makes credentials that live as long as a step: one file each in `credentials/`. */
export type IssuerName =
  | 'github-app'
  | 'gitlab-token'
  | 'registry-token'
  | 'oauth-client'
  | 'http-issuer'
  | 'postgres-role'
  | 'mysql-role'
  | 'ssh-certificate'
  | 'aws-role'
  | 'kubernetes-token'
  | 'gcp-service-account'
  | 'azure-app'

export interface NamedForm {
  readonly form: SampledForm
  /** As in "say which repository". */
  readonly noun: string
  /** Completes a grant that lacks it. */
  readonly example: string
  /** What every grant writes out, so that nothing is granted by the way. A limit, or a forbid, may be for all. */
  readonly writtenOut?: { readonly noun: string; readonly is: (pattern: string) => boolean }
}

export interface Action {
  /**
   * `optional`: a grant may be for the connection as a whole, and that is the one that a denial suggests. `none`: it can be for
   * nothing less.
   */
  readonly path: 'required' | 'optional' | 'none'
  readonly ref: 'required' | 'optional' | 'none'
  /** Which of the kind's paths it names, if not all. */
  readonly form?: SampledForm
  /** Does it change what is there? */
  readonly write: boolean
  /** What a grant of this action allows besides: whoever may rewrite a ref may move it forward, too. */
  readonly includes?: readonly string[]
  /** What its operations bring there, of which its handler knows what a grant may ask: `commit: own`, `artifact: run`. */
  readonly brings?: 'commit' | 'artifact'
  /** Grants alone are written with it: no operation is called so, but by the actions that it includes. */
  readonly inGrantsOnly?: true
  /** Which of the actions marked so it will be shows only when the ref is named: until then a grant of each lets it begin. */
  readonly decidedByRef?: true
}

export interface SettingsFile {
  readonly name: string
  /** Tells the tools where it is; without one its handler's own variables, or another file, do. */
  readonly variable?: string
  readonly text: string
}

/** What a supervisor knows of a connection. */
export interface KnownConnection {
  readonly name: string
  readonly url: string
  /** `host:port`. */
  readonly authority: string
  /** Of a registry: patterns of the names that it serves, if not all. */
  readonly only?: readonly string[]
  /** Of a Go module proxy: the checksum database that its modules are held against, if not Go's own; `off`: none. */
  readonly sumdb?: string
  /** What its kind `tells`. */
  readonly settings?: KindSettings | undefined
}
