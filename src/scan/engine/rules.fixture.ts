import type { Rule } from './model.ts'

export function ruleOf(part: Partial<Rule> & Pick<Rule, 'keywords' | 'pattern'>): Rule {
  return {
    id: 'vendor-token',
    title: 'Vendor token',
    vendor: 'Vendor',
    source: 'https://vendor.example/tokens',
    confidence: 'likely',
    examples: { positive: ['{alnum:8}'], negative: ['none'] },
    ...part,
  }
}
