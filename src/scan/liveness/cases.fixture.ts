import type { Case } from './cases/case.fixture.ts'
import { aiCases } from './cases/ai.fixture.ts'
import { ciCases } from './cases/ci.fixture.ts'
import { cloudsCases } from './cases/clouds.fixture.ts'
import { hostingCases } from './cases/hosting.fixture.ts'
import { messagingCases } from './cases/messaging.fixture.ts'
import { monitoringCases } from './cases/monitoring.fixture.ts'
import { registriesCases } from './cases/registries.fixture.ts'
import { saasCases } from './cases/saas.fixture.ts'
import { sourceHostsCases } from './cases/source-hosts.fixture.ts'

export type { Case } from './cases/case.fixture.ts'

export const cases: readonly Case[] = [
  ...sourceHostsCases,
  ...registriesCases,
  ...ciCases,
  ...cloudsCases,
  ...hostingCases,
  ...aiCases,
  ...messagingCases,
  ...monitoringCases,
  ...saasCases,
]
