"""The rows of the rewards app: the catalogue, its stock and codes, and what members took of it."""

from rewards.models.catalogue import (
    KINDS,
    DiscountReward,
    DonationReward,
    ExperienceReward,
    GiftValueReward,
    PartnerReward,
    PointsReward,
    Price,
    ProductReward,
    Reward,
    RewardPicture,
    VoucherReward,
)
from rewards.models.redemptions import Delivery, Redemption, RedemptionStep
from rewards.models.stock import Code, CodeBatch, Stock, StockChange

__all__ = [
    "KINDS",
    "Code",
    "CodeBatch",
    "Delivery",
    "DiscountReward",
    "DonationReward",
    "ExperienceReward",
    "GiftValueReward",
    "PartnerReward",
    "PointsReward",
    "Price",
    "ProductReward",
    "Redemption",
    "RedemptionStep",
    "Reward",
    "RewardPicture",
    "Stock",
    "StockChange",
    "VoucherReward",
]
