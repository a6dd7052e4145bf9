// Cross-tabulations against R 4.6 (chisq.test) and hand reckoning.
// Invariant: residuals and their p values are checked apart from the corrections.
import { describe, expect, it } from 'vitest';
import { crossTab } from './cross-tab.ts';

const TABLE = [
  [30, 20, 50],
  [45, 30, 25],
];

describe('a table', () => {
  const found = crossTab(TABLE);

  it('agrees with R', () => {
    expect(found?.chiSquare).toBeCloseTo(13.3333333333, 9);
    expect(found?.df).toBe(2);
    expect(found?.p).toBeCloseTo(0.00127263380134, 13);
    expect(found?.cramersV).toBeCloseTo(0.258198889747, 11);
    const residuals = found?.cells.map((row) => row.map(({ residual }) => residual ?? Number.NaN)) ?? [];
    const wanted = [-2.19089023002, -1.63299316186, 3.6514837167];
    for (const [j, residual] of wanted.entries()) {
      expect(residuals[0]?.[j]).toBeCloseTo(residual, 10);
      expect(residuals[1]?.[j]).toBeCloseTo(-residual, 10);
    }
  });

  it("marks what stands out after Holm's correction, and corrects as he says", () => {
    expect(found?.cells.map((row) => row.map(({ mark }) => mark))).toEqual([
      [null, null, 'above'],
      [null, null, 'below'],
    ]);
    // Two-sided p of 3.651, 2.191 and 1.633 twice each: 0.000260730, 0.0284597, 0.102470 (SciPy 1.17); by rank times 6, 4
    // and 2, and never less than the one before.
    const p = found?.cells[0]?.map((cell) => cell.p) ?? [];
    expect(p[2]).toBeCloseTo(6 * 0.0002607296328564, 10);
    expect(p[0]).toBeCloseTo(4 * 0.0284597369163587, 10);
    expect(p[1]).toBeCloseTo(2 * 0.1024704348587929, 10);
    expect(found?.correction).toBe('holm');
  });

  it('can be corrected after Bonferroni', () => {
    const bonferroni = crossTab(TABLE, { correction: 'bonferroni' });
    const p = bonferroni?.cells[0]?.map((cell) => cell.p) ?? [];
    expect(p[2]).toBeCloseTo(6 * 0.0002607296328564, 10);
    expect(p[0]).toBeCloseTo(6 * 0.0284597369163587, 10);
    expect(p[1]).toBeCloseTo(6 * 0.1024704348587929, 10);
    expect(bonferroni?.correction).toBe('bonferroni');
  });

  it('marks less at a higher level', () => {
    const marks = (level: number) =>
      crossTab(TABLE, { level })
        ?.cells.flat()
        .filter(({ mark }) => mark).length;
    expect([marks(0.7), marks(0.95), marks(0.999)]).toEqual([6, 2, 0]);
  });

  it("has each column's shares with Wilson's interval", () => {
    const cell = found?.cells[0]?.[0];
    expect(cell?.columnShare?.value).toBe(0.4);
    expect(cell?.columnShare?.n).toBe(75);
    expect(cell?.expected).toBe(37.5);
  });
});

describe('empty and small tables', () => {
  it('leave empty rows and columns out of the test', () => {
    const padded = crossTab([[30, 0, 20, 50], [], [45, 0, 30, 25]]);
    expect(padded?.df).toBe(2);
    expect(padded?.chiSquare).toBeCloseTo(40 / 3, 9);
    expect(padded?.cells[1]?.[0]).toMatchObject({
      count: 0,
      expected: null,
      residual: null,
      p: null,
      mark: null,
    });
    expect(padded?.cells[0]?.[1]?.columnShare).toBeNull();
  });

  it('say how many cells are too thin', () => {
    expect(crossTab(TABLE)?.sparse).toBe(0);
    expect(
      crossTab([
        [1, 20],
        [2, 30],
      ])?.sparse,
    ).toBe(0.5);
  });

  it('are null without two rows and two columns', () => {
    for (const table of [
      [],
      [[]],
      [[1, 2]],
      [[1], [2]],
      [
        [0, 0],
        [3, 4],
      ],
      [
        [1, 0],
        [3, 0],
      ],
      [
        [1, -1],
        [2, 2],
      ],
    ])
      expect(crossTab(table)).toBeNull();
  });

  it("have Cramér's V of 1 where one question decides the other", () => {
    expect(
      crossTab([
        [7, 0],
        [0, 4],
      ])?.cramersV,
    ).toBeCloseTo(1, 12);
  });
});

it('of counts too small for anything to be expected says nothing', () => {
  expect(
    crossTab([
      [5e-324, 0],
      [0, 1e308],
    ]),
  ).toBeNull();
});
