/** One measured figure. */
export interface BenchResult {
  name: string
  value: number
  unit: string
  ratio?: number
  against?: string
  target?: string
  ok?: boolean
}
