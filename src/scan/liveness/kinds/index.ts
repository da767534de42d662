import type { Kind } from '../model.ts'
import { ai } from './ai.ts'
import { ci } from './ci.ts'
import { clouds } from './clouds.ts'
import { hosting } from './hosting.ts'
import { messaging } from './messaging.ts'
import { monitoring } from './monitoring.ts'
import { registries } from './registries.ts'
import { saas } from './saas.ts'
import { sourceHosts } from './source-hosts.ts'

export const kinds: readonly Kind[] = [
  ...sourceHosts,
  ...registries,
  ...ci,
  ...clouds,
  ...hosting,
  ...ai,
  ...messaging,
  ...monitoring,
  ...saas,
]
