// Power loss: what was acknowledged is there in whatever the disk may have kept.
import { expect, it } from 'vitest';
import { seedFrom } from '../seed.ts';
import { useFolder } from '../temporary-folder.ts';
import { playPowerLoss } from './power-loss.ts';

/** `npm run durability -- --power-loss` plays a hundred. */
const LOSSES = 5;
const COPIES = 4;
/** Each is opened and verified, on a disk that others write to. */
const COPY_LIMIT_MS = 10_000;
const SEED = seedFrom(process.env.TIDEMARK_DURABILITY_SEED);

const inFolder = useFolder('power');

it(
  `keeps every promise where the power goes ${LOSSES} times (TIDEMARK_DURABILITY_SEED=${SEED})`,
  async () => {
    const report = await playPowerLoss({ folder: inFolder(), losses: LOSSES, copies: COPIES, seed: SEED });
    expect(report).toMatchObject({ losses: LOSSES, copies: LOSSES * COPIES });
    // Otherwise nothing was at stake.
    expect(report.acknowledged).toBeGreaterThan(0);
    expect(report.unsynced).toBeGreaterThan(0);
    expect(report.lazy).toBeGreaterThan(0);
  },
  COPY_LIMIT_MS * LOSSES * COPIES,
);
