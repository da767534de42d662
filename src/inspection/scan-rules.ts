import type { Rule } from '../scan/engine/index.ts'

/** What is looked for beside the vault's secrets; read when the first thread that scans starts. */
export const scanRules: readonly Rule[] = []
