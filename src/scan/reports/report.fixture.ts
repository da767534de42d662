import type { Finding } from '../findings/index.ts'
import type { Report, RuleFacts } from './model.ts'

/** What a hostile file may say: commands of CIs, ends of lines, what moves a terminal, what turns a line around. */
export const hostile =
  '::set-env name=A::b,x:y%0A\u001b[2J\u202e\n::error::z\r##[add-mask]##vso[task.setvariable]'

export const rule: RuleFacts = {
  ...{ id: 'acme-token', title: 'Acme token', vendor: 'Acme', source: 'https://acme.example/docs#tokens' },
  ...{ confidence: 'certain', connection: 'npm', revoke: 'https://acme.example/tokens' },
}

export const finding = (more: Partial<Finding> = {}): Finding => ({
  ...{ rule: 'acme-token', confidence: 'certain', checked: true, alsoFoundBy: [], file: 'src/app.env' },
  ...{ decoded: [], start: { line: 3, column: 5 }, end: { line: 3, column: 40 }, excerpt: 'KEY=acme****' },
  fingerprint: 'a'.repeat(32),
  ...more,
})

const commit = { id: 'c0ffee'.repeat(6), author: `Eve ${hostile} <e@x>`, date: '2026-11-01T10:00:00Z' }

/** One of everything, and whatever a file chooses is hostile. */
export const fullReport: Report = {
  scanned: 'the folder .',
  failOn: 'likely',
  findings: [
    finding(),
    finding({ file: `src/${hostile}`, excerpt: 'KEY=acme****', end: { line: 5, column: 2 } }),
    // Excerpts come masked and escaped; what CIs obey is all that may be left in one.
    finding({
      excerpt: '::error::x ##[warning] ##vso[task.x]',
      fingerprint: 'b'.repeat(32),
      confidence: 'possible',
    }),
    finding({ file: 'b.env', note: 'the ignore comment ended on 2026-01-01', fingerprint: 'c'.repeat(32) }),
    finding({ file: 'old.env', commit, blob: 'b10b', fingerprint: 'd'.repeat(32), decoded: ['base64'] }),
    finding({ file: 'x.env', accepted: { by: 'comment', reason: 'dead', until: '2027-01-01' } }),
    finding({ file: 'y.env', accepted: { by: 'baseline' }, rule: 'unknown-rule' }),
  ],
  rules: [rule, { ...rule, id: 'other', title: 'Another' }],
  unseen: [{ name: `a.zip!${hostile}`, code: 'encrypted', why: 'it needs a password' }],
  warnings: ['rule x of gitleaks.toml was left out'],
  ...{ files: 12, bytes: 3_400_000, startMs: Date.parse('2026-11-29T12:00:00Z') },
  endMs: Date.parse('2026-11-29T12:00:01.500Z'),
}

export const emptyReport: Report = { ...fullReport, findings: [], unseen: [], warnings: [] }

/** As a repository's own rule file, or one of gitleaks, may have it. */
const hostileRule: RuleFacts = {
  ...{ id: 'hostile-rule', confidence: 'likely', title: hostile, vendor: hostile, source: hostile },
  revoke: hostile,
}

/** The same with whatever a rule file and its comments may say. */
export const hostileReport: Report = {
  ...fullReport,
  scanned: hostile,
  findings: [
    ...fullReport.findings,
    finding({
      ...{ file: 'z.env', rule: hostileRule.id, confidence: 'likely', note: hostile, decoded: [hostile] },
      fingerprint: 'e'.repeat(32),
    }),
    finding({ file: 'z.env', accepted: { by: 'comment', reason: hostile, until: '2027-01-01' } }),
  ],
  rules: [...fullReport.rules, hostileRule],
  warnings: [hostile],
}
