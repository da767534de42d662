import type { Attempt } from '../attempt.ts'
import { communication } from './communication.ts'
import { descriptors } from './descriptors.ts'
import { files } from './files.ts'
import { kernel } from './kernel.ts'
import { lifetime } from './lifetime.ts'
import { nested } from './nested.ts'
import { network } from './network.ts'
import { processes } from './processes.ts'
import { proxy } from './proxy.ts'

/** All of them. */
export const attempts: readonly Attempt[] = [
  ...descriptors,
  ...processes,
  ...kernel,
  // Before those that take the repository away.
  ...nested,
  ...files,
  ...communication,
  ...network,
  ...proxy,
  ...lifetime,
]
