import type { Clock } from '../lib/index.ts'
import type { StoredArchiveDates, StoredTreeHeads } from '../broker/index.ts'
import { isStream, type HttpKind, type KindName, type StreamKind } from '../kinds/index.ts'
import type { HttpHandler, StreamHandler } from './exchange.ts'
import { createCargoHandler } from './cargo/index.ts'
import { createDebianHandler } from './debian/index.ts'
import { createGitHandler } from './git/index.ts'
import { createGithubHandler } from './github/index.ts'
import { createGitlabHandler } from './gitlab/index.ts'
import { createGoHandler, createTreeHeads } from './go/index.ts'
import { createHttpHandler } from './http/index.ts'
import { createMavenHandler } from './maven/index.ts'
import { createNpmHandler } from './npm/index.ts'
import { createOciHandler } from './oci/index.ts'
import type { PushScanner } from './push-scanner.ts'
import { createPypiHandler } from './pypi/index.ts'
import { createRubygemsHandler } from './rubygems/index.ts'
import { createTcpHandler } from './tcp/index.ts'

/** Who handles a kind of connection. */
export type Protocol =
  | { readonly of: 'http'; readonly handle: HttpHandler }
  | { readonly of: 'stream'; readonly handle: StreamHandler }

/** The protocols that the gateway speaks: one folder each, and each kind of connection has one. */
export function createProtocols(deps: {
  readonly clock: Clock
  readonly scanner?: PushScanner
  readonly treeHeads?: StoredTreeHeads
  readonly archiveDates?: StoredArchiveDates
}): (kind: KindName) => Protocol {
  const http: Record<HttpKind, HttpHandler> = {
    cargo: createCargoHandler(),
    debian: createDebianHandler(deps),
    git: createGitHandler(deps),
    github: createGithubHandler(),
    gitlab: createGitlabHandler(),
    go: createGoHandler({ heads: deps.treeHeads ?? createTreeHeads() }),
    http: createHttpHandler(),
    maven: createMavenHandler(),
    npm: createNpmHandler(deps),
    oci: createOciHandler(deps),
    rubygems: createRubygemsHandler(),
    pypi: createPypiHandler(),
  }
  const stream: Record<StreamKind, StreamHandler> = { tcp: createTcpHandler() }
  return (kind) =>
    isStream(kind) ? { of: 'stream', handle: stream[kind] } : { of: 'http', handle: http[kind] }
}
