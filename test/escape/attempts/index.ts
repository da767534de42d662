import type { Attempt } from '../attempt.ts'
import { communication } from './communication.ts'
import { descriptors } from './descriptors.ts'
import { files } from './files.ts'
import { kernel } from './kernel.ts'
import { lifetime } from './lifetime.ts'
import { network } from './network.ts'
import { processes } from './processes.ts'
import { proxy } from './proxy.ts'

/** All of them. */
export const attempts: readonly Attempt[] = [
  ...descriptors,
  ...processes,
  ...kernel,
  ...files,
  ...communication,
  ...network,
  ...proxy,
  ...lifetime,
]
