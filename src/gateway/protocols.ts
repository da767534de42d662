import type { IncomingMessage } from 'node:http'
import type { Clock } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { StoredArchiveDates, StoredTreeHeads } from '../broker/index.ts'
import { isStream, type HttpKind, type KindName, type StreamKind } from '../kinds/index.ts'
import type { Chooser, HttpHandler } from './exchange.ts'
import { createAwsHandler, meantByStandIn } from './aws/index.ts'
import { createAzureHandler, meantByToken } from './azure/index.ts'
import { createCargoHandler } from './cargo/index.ts'
import { createDebianHandler } from './debian/index.ts'
import { createGcpHandler, meantByBearer } from './gcp/index.ts'
import { createGitHandler } from './git/index.ts'
import { createGithubHandler } from './github/index.ts'
import { createGitlabHandler } from './gitlab/index.ts'
import { createGoHandler, createTreeHeads } from './go/index.ts'
import { createHttpHandler } from './http/index.ts'
import { createKubernetesHandler } from './kubernetes/index.ts'
import { createMavenHandler } from './maven/index.ts'
import { createMysqlHandler } from './mysql/index.ts'
import { createNpmHandler } from './npm/index.ts'
import { createOciHandler } from './oci/index.ts'
import { createPostgresHandler } from './postgres/index.ts'
import type { PushScanner } from './push-scanner.ts'
import { createPypiHandler } from './pypi/index.ts'
import { createRedisHandler } from './redis/index.ts'
import { createRubygemsHandler } from './rubygems/index.ts'
import type { StreamHandler } from './stream-exchange.ts'
import { createSshHandler } from './ssh/index.ts'
import { createTcpHandler } from './tcp/index.ts'
import type { At } from './tunnel.ts'

/** Who handles a kind of connection. */
export type Protocol =
  | { readonly of: 'http'; readonly handle: HttpHandler }
  | { readonly of: 'stream'; readonly handle: StreamHandler }

export interface Protocols {
  of(kind: KindName): Protocol
  /** Undefined where the path says which of them is meant. */
  meant(request: IncomingMessage, at: At): Connection | undefined
}

/** The protocols that the gateway speaks: one folder each, and each kind of connection has one. */
export function createProtocols(deps: {
  readonly clock: Clock
  readonly scanner?: PushScanner
  readonly treeHeads?: StoredTreeHeads
  readonly archiveDates?: StoredArchiveDates
}): Protocols {
  const http: Record<HttpKind, HttpHandler> = {
    aws: createAwsHandler(deps),
    azure: createAzureHandler(deps),
    cargo: createCargoHandler(),
    debian: createDebianHandler(deps),
    gcp: createGcpHandler(),
    git: createGitHandler(deps),
    github: createGithubHandler(),
    gitlab: createGitlabHandler(),
    go: createGoHandler({ heads: deps.treeHeads ?? createTreeHeads() }),
    http: createHttpHandler(),
    kubernetes: createKubernetesHandler(),
    maven: createMavenHandler(),
    npm: createNpmHandler(deps),
    oci: createOciHandler(deps),
    rubygems: createRubygemsHandler(),
    pypi: createPypiHandler(),
  }
  const stream: Record<StreamKind, StreamHandler> = {
    postgres: createPostgresHandler(),
    mysql: createMysqlHandler(),
    redis: createRedisHandler(),
    ssh: createSshHandler(),
    tcp: createTcpHandler(),
  }
  return {
    of: (kind) =>
      isStream(kind) ? { of: 'stream', handle: stream[kind] } : { of: 'http', handle: http[kind] },
    meant: (request, at) => choosers[at[0].kind]?.(request, at),
  }
}

const choosers: Partial<Record<KindName, Chooser>> = {
  aws: meantByStandIn,
  azure: meantByToken,
  gcp: meantByBearer,
}
